import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const fixtures = join(import.meta.dirname, 'fixtures');

/** Waits for a condition, at most two minutes. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await pause(20);
  }
}

/** True while the process runs; one that has ended but was not collected counts as gone. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A started program: all it has printed so far, and its end. */
export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  printed(): string;
  readonly exit: Promise<number | string>;
}

/** Starts a fixture under plain Node from the sources, with its own group, in a clean environment. */
export function startFixture(name: string, args: string[], settings: Record<string, string> = {}): Program {
  const env = { PATH: process.env['PATH'] ?? '', ...settings };
  const command = ['--conditions=source', join(fixtures, name), ...args];
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const exit = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown')),
  );
  if (child.pid === undefined) throw new Error(`${name} did not start`);
  return { child, pid: child.pid, printed: () => text, exit };
}

/** The stand-ins' diary: `who what pid` a line. */
export function diary(dataDirectory: string): { who: string; what: string; pid: number }[] {
  const file = join(dataDirectory, 'diary');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [, who = '', what = '', pid = ''] = /^(\S+) (.*) (\d+)$/.exec(line) ?? [];
      return { who, what, pid: Number(pid) };
    });
}
