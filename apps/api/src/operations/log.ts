import { pino } from 'pino';
import type { Logger } from '#libs/deployment';
import { redact } from '#libs/secrets';
import type { Tracing } from '#libs/tracing';

/** JSON lines on standard output. Whatever is logged is redacted first: no secret gets there by accident. Where traces are on, each line of a request bears its trace. */
export function createLogger(level: string, tracing?: () => Tracing | undefined): Logger {
  return pino({
    level,
    ...(tracing === undefined ? {} : { mixin: () => traceOf(tracing()) }),
    base: { process: 'api', pid: process.pid },
    formatters: { log: (facts) => redact(facts) as Record<string, unknown> },
  });
}

function traceOf(tracing: Tracing | undefined): { traceId?: string } {
  const active = tracing?.active();
  return active === undefined ? {} : { traceId: active.traceId };
}
