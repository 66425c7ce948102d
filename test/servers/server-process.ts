import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';
import type { Launch } from './running-server.js';

const READY_WITHIN_MS = 120_000;
const ENDS_WITHIN_MS = 5_000;
const STANDS_WITHIN_MS = 60_000;
const PORTS_TRIED = 3;

/**
 * One server process: started in a process group of its own, watched so that it dies with whoever started it, ended by
 * its process id. Its directory holds `data/` and `server.log`, and goes with it.
 */
export class ServerProcess {
  private child: ChildProcess | undefined;
  private watcher: ChildProcess | undefined;
  private stopped = false;

  private constructor(
    private readonly launch: Launch,
    private readonly directory: string,
    private port: number,
  ) {}

  /** Starts the server on a free port and resolves when it is ready; fails with the end of its log after two minutes. */
  static async start(launch: Launch): Promise<ServerProcess> {
    const directory = await mkdtemp(join(tmpdir(), `spumoni-${launch.binary.name}-`));
    await mkdir(join(directory, 'data'));
    for (let attempt = 1; ; attempt += 1) {
      const server = new ServerProcess(launch, directory, await freePort());
      try {
        await server.up();
        return server;
      } catch (cause) {
        // A neighbour may have taken the port between the probe and the start; any other trouble comes back each time.
        if (attempt < PORTS_TRIED && server.child === undefined) continue;
        await server.stop();
        throw cause;
      }
    }
  }

  /** `http://127.0.0.1:PORT`. */
  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.running('asked for its process id');
  }

  /** Returns when every thread stands still: until then a busy machine may still answer. */
  pause(): void {
    const pid = this.running('paused');
    process.kill(-pid, 'SIGSTOP');
    const latest = Date.now() + STANDS_WITHIN_MS;
    while (!standsStill(pid))
      if (Date.now() > latest) throw new Error(`${this.launch.binary.name} does not stand still`);
  }

  resume(): void {
    process.kill(-this.running('resumed'), 'SIGCONT');
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async restart(): Promise<void> {
    if (this.stopped) throw new Error(`${this.launch.binary.name} was stopped; its data is gone`);
    await this.end('SIGTERM');
    await this.up();
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    await this.end('SIGTERM');
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  private running(wanted: string): number {
    const pid = this.child?.pid;
    if (pid === undefined) throw new Error(`${this.launch.binary.name} is not running and cannot be ${wanted}`);
    return pid;
  }

  private async up(): Promise<void> {
    const { file, args, env } = this.launch.command(this.port, join(this.directory, 'data'));
    const log = openSync(join(this.directory, 'server.log'), 'a');
    // A home of its own keeps the user's configuration of these servers out of the tests.
    const bare = { PATH: process.env['PATH'] ?? '', HOME: this.directory, ...env };
    const child = spawn(file, args, { cwd: this.directory, env: bare, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    await once(child, 'spawn');
    this.child = child;
    child.once('exit', () => {
      if (this.child === child) this.child = undefined;
      this.unwatch();
    });
    this.watch(this.pid);
    await this.ready();
  }

  private async ready(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (Date.now() < deadline && this.child !== undefined) {
      if (await this.launch.isReady(this.origin).catch(isNotYet)) return;
      await delay(30);
    }
    const what = this.child ? `was not ready after ${READY_WITHIN_MS / 1000} s` : 'ended before it was ready';
    const log = await readFile(join(this.directory, 'server.log'), 'utf8');
    throw new Error(`${this.launch.binary.name} ${what}; the end of its log: ${log.slice(-2_000)}`);
  }

  /** Ends the group with `signal`, and with SIGKILL if it has not gone in 5 s; resolves when it is gone. */
  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child?.pid === undefined) return;
    const gone = once(child, 'exit');
    const group = -child.pid;
    process.kill(group, signal);
    process.kill(group, 'SIGCONT');
    const late = setTimeout(() => process.kill(group, 'SIGKILL'), ENDS_WITHIN_MS);
    await gone;
    clearTimeout(late);
  }

  /** A shell that waits for the end of its input, which comes when this process ends in whatever way, kills included. */
  private watch(pid: number): void {
    const script = 'cat >/dev/null; kill -s KILL -- "-$1"; rm -rf -- "$2"';
    const args = ['-c', script, 'sh', String(pid), this.directory];
    this.watcher = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.watcher.unref();
    if (this.watcher.stdin instanceof Socket) this.watcher.stdin.unref();
  }

  private unwatch(): void {
    if (this.watcher?.pid !== undefined) process.kill(-this.watcher.pid, 'SIGKILL');
    this.watcher = undefined;
  }
}

/** Whether all threads of a process are stopped, by what the kernel says (proc(5), the third field of stat). Where there is no /proc, nothing is known. */
function standsStill(pid: number): boolean {
  const threads = `/proc/${pid}/task`;
  if (!existsSync(threads)) return true;
  try {
    return readdirSync(threads).every((thread) => /\) [Tt] /.test(readFileSync(join(threads, thread, 'stat'), 'utf8')));
  } catch (error) {
    // A thread ended between the two looks: look again.
    if (typeof error === 'object' && error !== null && 'code' in error && error.code !== 'EACCES') return false;
    throw error;
  }
}

/** Network trouble and a slow answer mean "not yet" while a server comes up; anything else is a mistake of ours. */
function isNotYet(error: unknown): false {
  // Not instanceof: under Jest, fetch's errors come from another realm.
  const name = typeof error === 'object' && error !== null && 'name' in error ? error.name : undefined;
  if (name === 'TypeError' || name === 'TimeoutError' || name === 'AbortError') return false;
  throw error;
}
