import { spawn, type ChildProcess } from 'node:child_process';
import type { ServerUser } from './server-user.js';
import { serverEnvironment } from './initialise.js';

/**
 * A shell between us and Postgres, whose standard input is a pipe from us: however we end, `kill -9` included, the pipe closes
 * and the shell stops Postgres. Postgres itself gets no input. The watcher is killed before the shell ends, so that it can never
 * signal a number that has passed to another program. `$0` is the socket directory, removed at the end.
 */
const guard = `
exec 3<&0
"$@" </dev/null 3<&- & server=$!
( cat <&3 >/dev/null 2>&1; kill -INT $server ) >/dev/null 2>&1 & watcher=$!
trap 'kill -INT $server' TERM INT HUP
wait $server; code=$?
while kill -0 $server 2>/dev/null; do wait $server; code=$?; done
kill $watcher 2>/dev/null
rmdir "$0" 2>/dev/null
exit $code`;

/** What to run, where. */
export interface GuardedCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly socketDirectory: string;
  readonly user: ServerUser;
  /** Gets each line the server writes to its log. */
  readonly onLine: (line: string) => void;
}

/** A running server and its guard. */
export interface GuardedProcess {
  /** Resolves when all of it is gone, with a word on how; never rejects. */
  readonly ended: Promise<string>;
  /** Closes the pipe: an orderly, fast shutdown begins. */
  release(): void;
  /** Kills the whole group at once. */
  kill(): void;
}

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (!(typeof error === 'object' && error !== null && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Starts a server that cannot outlive this process. It has a session of its own, so a terminal's Ctrl-C does not reach it. */
export function startGuarded(command: GuardedCommand): GuardedProcess {
  const { program, args, cwd, socketDirectory, user, onLine } = command;
  const child = spawn('/bin/sh', ['-c', guard, socketDirectory, program, ...args], {
    ...user,
    cwd,
    env: serverEnvironment,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  eachLine(child.stderr, onLine);
  // Writing nothing, we can only learn here that the guard has gone, which `ended` says better.
  child.stdin.on('error', (error) => onLine(`guard: ${error.message}`));
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => {
      child.stdin.end();
      resolve(signal === null ? `code ${String(code)}` : `signal ${signal}`);
    });
  });
  return { ended, release: () => void child.stdin.end(), kill: () => killGroup(child) };
}
