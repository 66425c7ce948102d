import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../system/running-spumoni.js';

/** One system call. Places are line numbers of the trace, so that one call is seen to have ended before another began. */
export interface SystemCall {
  readonly name: string;
  /** The arguments as strace writes them, with the path or connection behind each descriptor. */
  readonly text: string;
  readonly began: number;
  readonly ended: number;
  readonly result: number;
}

const TRACED = [
  ...['openat', 'mkdir', 'mkdirat', 'link', 'linkat', 'rename', 'renameat', 'renameat2'],
  ...['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'sendto', 'sendmsg', 'copy_file_range'],
  ...['fsync', 'fdatasync', 'sync_file_range', 'msync'],
];

/** Why nothing can be traced here; undefined if it can. */
export function whyNoTrace(): string | undefined {
  if (spawnSync('strace', ['--version']).status !== 0) return 'strace is not installed';
  // Attaching to a process that is no child of strace takes root, or a kernel that lets users do it.
  const attach = 'sleep 20 & p=$!; timeout 0.5 strace -qq -o /dev/null -p $p; r=$?; kill $p; exit $r';
  return spawnSync('sh', ['-c', attach]).status === 124 ? undefined : 'this user may not attach strace to a process';
}

/** What a process and its threads ask of the kernel while `action` runs. */
export async function traceOf(pid: number, action: () => Promise<void>): Promise<SystemCall[]> {
  const directory = await mkdtemp(join(tmpdir(), 'spumoni-trace-'));
  try {
    const file = join(directory, 'trace');
    const options = ['-f', '-yy', '-s', '64', '-e', `trace=${TRACED.join(',')}`, '-e', 'signal=none'];
    const strace = spawn('strace', [...options, '-o', file, '-p', String(pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let told = '';
    strace.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
    const ended = once(strace, 'exit');
    try {
      await until('strace is attached', 60_000, () => {
        if (strace.exitCode !== null) throw new Error(`strace ended: ${told}`);
        return Promise.resolve(told.includes(' attached'));
      });
      await action();
    } finally {
      strace.kill('SIGINT');
      await ended;
    }
    return parseTrace(await readFile(file, 'utf8'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const LINE = /^(\d+) +(.*)$/;
const WHOLE = /^(\w+)\((.*)\) += (-?\d+)/;
const BEGUN = /^(\w+)\((.*) <unfinished \.\.\.>$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)/;

/** The calls of a trace that came to an end, in the order of their ends. A call that another thread's interrupted is on two lines. */
export function parseTrace(trace: string): SystemCall[] {
  const open = new Map<string, { name: string; text: string; began: number }>();
  const calls: SystemCall[] = [];
  for (const [at, line] of trace.split('\n').entries()) {
    const [, thread = '', rest = ''] = LINE.exec(line) ?? [];
    const whole = WHOLE.exec(rest);
    const begun = BEGUN.exec(rest);
    const resumed = RESUMED.exec(rest);
    if (begun) open.set(thread, { name: begun[1] ?? '', text: begun[2] ?? '', began: at });
    else if (resumed) {
      const first = open.get(thread);
      if (first) calls.push({ ...first, text: first.text + (resumed[2] ?? ''), ended: at, result: Number(resumed[3]) });
      open.delete(thread);
    } else if (whole) {
      calls.push({ name: whole[1] ?? '', text: whole[2] ?? '', began: at, ended: at, result: Number(whole[3]) });
    }
  }
  return calls;
}
