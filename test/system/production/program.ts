import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePort } from '../../servers/free-port.js';
import { until } from '../running-spumoni.js';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const START_MS = 120_000;
const END_MS = 120_000;
const PROBE_MS = 10_000;

/** What a container runs. */
export type App = 'api' | 'worker';

/** One process of the product without its supervisor, as a container runs it: told everything by its environment, stopped by a signal. */
export class Program {
  #output = '';

  private constructor(
    readonly app: App,
    readonly url: string,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** Starts it on a port of its own; it may not be ready yet. The environment holds nothing but what is given and where programs are found. */
  static async spawn(app: App, environment: Readonly<Record<string, string>>): Promise<Program> {
    const port = await freePort();
    const child = spawn(process.execPath, ['--enable-source-maps', join(REPOSITORY, `dist/apps/${app}/src/main.js`)], {
      // A directory where nothing can be written, as in a container whose root is read-only.
      cwd: '/proc',
      env: {
        PATH: process.env['PATH'] ?? '',
        ...environment,
        [app === 'api' ? 'SPUMONI_API_PORT' : 'SPUMONI_WORKER_PORT']: String(port),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await once(child, 'spawn');
    return new Program(app, `http://127.0.0.1:${port}`, child);
  }

  /** Starts it and waits until it is ready. */
  static async start(app: App, environment: Readonly<Record<string, string>>): Promise<Program> {
    const program = await Program.spawn(app, environment);
    try {
      await program.untilReady();
      return program;
    } catch (error) {
      await program.kill();
      throw error;
    }
  }

  /** Everything it printed. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('it has no process');
    return this.child.pid;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async untilReady(): Promise<void> {
    await until(`the ${this.app} is ready`, START_MS, async () => {
      if (this.hasEnded) throw new Error(`the ${this.app} ended:\n${this.#output}`);
      return (await this.readiness()).status === 200;
    }).catch(async (cause: unknown) => {
      throw new Error(`the ${this.app} did not become ready: ${await this.told()}`, { cause });
    });
  }

  /** What it says and does now, for whoever reads a failure. */
  async told(): Promise<string> {
    const said = JSON.stringify(await this.readiness());
    return `${this.app} ${this.pid} says ${said}, is ${this.#turns()} and printed:\n${this.#output.slice(-5_000)}`;
  }

  /** Whether it runs, waits or stands still, and what it has used of a core (proc(5)); for whoever reads a failure. */
  #turns(): string {
    try {
      const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      return `in state ${fields[0] ?? '?'} after ${fields[11] ?? '?'} + ${fields[12] ?? '?'} ticks of CPU`;
    } catch {
      return 'in a state that the system does not tell';
    }
  }

  /** `/readyz`; status 0 while nothing listens. */
  async readiness(): Promise<{ readonly status: number; readonly checks: Readonly<Record<string, boolean>> }> {
    try {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(PROBE_MS) });
      const { checks } = (await answer.json()) as { checks: Record<string, boolean> };
      return { status: answer.status, checks };
    } catch {
      // Nothing listens yet: that is an answer too.
      return { status: 0, checks: {} };
    }
  }

  /** How many requests an API serves now, beside this question. */
  async requestsInFlight(): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(PROBE_MS) })).text();
    return Number(/^spumoni_http_requests_in_flight (\d+)/m.exec(text)?.[1] ?? 1) - 1;
  }

  /** SIGTERM, as a container is stopped; resolves with the exit code. Fails if it has not ended after two minutes. */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Waits for it to end by itself. */
  async ended(): Promise<number | null> {
    if (!this.hasEnded) await once(this.child, 'close', { signal: AbortSignal.timeout(END_MS) });
    return this.child.exitCode;
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.hasEnded) {
      const ended = this.ended();
      this.child.kill(signal);
      await ended;
    }
    return this.child.exitCode;
  }
}
