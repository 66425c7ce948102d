import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../servers/free-port.js';
import { Client, type ClientOptions } from './client.js';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const PROGRAM = join(REPOSITORY, 'dist/apps/supervisor/src/main.js');
const START_MS = 120_000;
/** An answer to "are you ready?" that takes longer is as good as none. */
const PROBE_MS = 10_000;

export interface SpumoniOptions {
  /** Settings beside the ports, keys and data directory. */
  readonly environment?: Readonly<Record<string, string>>;
  /** An existing data directory, to start again on; kept at `stop`. */
  readonly dataDirectory?: string;
  /** Gives no root keys: the first start makes them and prints them once; `credentials` then are those it printed. */
  readonly withoutRootKeys?: boolean;
}

/** How a process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The product as `npm start` runs it: supervisor, Postgres, API and worker, in a data directory of its own. */
export class RunningSpumoni {
  #child: ChildProcess | undefined;
  #output = '';
  #launchedAt = 0;

  private constructor(
    readonly dataDirectory: string,
    public credentials: { readonly accessKey: string; readonly secretKey: string },
    readonly port: number,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async start(options: SpumoniOptions = {}): Promise<RunningSpumoni> {
    const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'spumoni-')));
    const credentials = { accessKey: 'ROOTACCESSKEY0000001', secretKey: randomBytes(30).toString('base64url') };
    const port = await freePort();
    const rootKeys = {
      SPUMONI_ROOT_ACCESS_KEY: credentials.accessKey,
      SPUMONI_ROOT_SECRET_KEY: credentials.secretKey,
    };
    const spumoni = new RunningSpumoni(dataDirectory, credentials, port, {
      SPUMONI_DATA_DIR: dataDirectory,
      SPUMONI_API_PORT: String(port),
      // One API process, whose memory and system calls can be looked at; tests that want several say so.
      SPUMONI_API_PROCESSES: '1',
      SPUMONI_S3_PORT: String(await freePort()),
      ...(options.withoutRootKeys ? {} : rootKeys),
      ...options.environment,
    });
    try {
      await spumoni.launch();
    } catch (error) {
      await spumoni.kill();
      throw error;
    }
    if (options.withoutRootKeys) spumoni.credentials = printedCredentials(spumoni.output);
    return spumoni;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the processes printed since the last launch. */
  get latestOutput(): string {
    return this.#output.slice(this.#launchedAt);
  }

  /** Everything the processes printed so far. */
  get output(): string {
    return this.#output;
  }

  get supervisorPid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('not running');
    return pid;
  }

  /** A client of the REST APIs, as the administrator unless told otherwise. */
  client(options: Partial<ClientOptions> = {}): Client {
    return new Client({ url: this.url, ...this.credentials, ...options });
  }

  /** Starts (again) on the same data and ports, with other settings if given, and waits until it is ready. */
  async launch(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const child = spawn(process.execPath, ['--enable-source-maps', PROGRAM], {
      cwd: REPOSITORY,
      env: { ...inherited(), ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#launchedAt = this.#output.length;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    await this.untilReady();
  }

  async untilReady(): Promise<void> {
    const isUp = async (): Promise<boolean> => {
      if (this.#child === undefined || hasEnded(this.#child)) throw new Error(`Spumoni ended:\n${this.#output}`);
      return RUNNING.test(this.latestOutput) && (await isReady(this.url));
    };
    await until('Spumoni is ready', START_MS, isUp).catch((cause: unknown) => {
      throw new Error(`Spumoni did not become ready; it printed:\n${this.#output.slice(-5_000)}`, { cause });
    });
  }

  /** The pids of the product's own children, by the program they run. */
  async pidsOf(app: 'api' | 'worker'): Promise<number[]> {
    const children = await descendants(this.supervisorPid);
    const found: number[] = [];
    for (const pid of children) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes(`dist/apps/${app}/src/main.js`)) found.push(pid);
    }
    return found;
  }

  /** Ctrl-C, and waits for the end; resolves when all that was printed has been read. */
  async interrupt(): Promise<End> {
    const child = this.#child;
    if (!child) throw new Error('not running');
    if (!hasEnded(child)) {
      const closed = once(child, 'close');
      child.kill('SIGINT');
      await closed;
    }
    return { code: child.exitCode, signal: child.signalCode };
  }

  /** `kill -9` of the supervisor; its children end by themselves. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || hasEnded(child)) return;
    const children = await descendants(this.supervisorPid);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    await until('the children end', START_MS, () => Promise.resolve(children.every((pid) => !isAlive(pid))));
  }

  async stop(): Promise<void> {
    await this.interrupt();
    await rm(this.dataDirectory, { recursive: true, force: true });
  }
}

/** The supervisor's last line of a start, to its end: a line that was printed may be read in pieces. */
const RUNNING = /Spumoni is running[^]*\nSwagger UI +\S+\n/;

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The credentials that a first start printed; fails where it printed none. */
export function printedCredentials(output: string): { accessKey: string; secretKey: string } {
  const [, accessKey] = /access key {2}(\S+)/.exec(output) ?? [];
  const [, secretKey] = /secret key {2}(\S+)/.exec(output) ?? [];
  if (accessKey === undefined || secretKey === undefined) throw new Error(`no credentials were printed:\n${output}`);
  return { accessKey, secretKey };
}

function inherited(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !name.startsWith('SPUMONI_') && name !== 'NODE_OPTIONS') kept[name] = value;
  return kept;
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PROBE_MS) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    // Nothing listens yet: that is what is being waited for.
    return false;
  }
}

/** Asks again and again, with a short rest, until it holds; fails when the time is over. */
export async function until(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function descendants(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.split(' ').filter(Boolean).map(Number);
  const below = await Promise.all(children.map((child) => descendants(child)));
  return [...children, ...below.flat()];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH is the answer "no".
    return false;
  }
}
