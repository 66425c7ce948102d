import { pino } from 'pino';
import type { Logger } from '#libs/deployment';
import { redact } from '#libs/secrets';

/** JSON lines on standard output. Whatever is logged is redacted first: no secret gets there by accident. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: { process: 'api', pid: process.pid },
    formatters: { log: (facts) => redact(facts) as Record<string, unknown> },
  });
}
