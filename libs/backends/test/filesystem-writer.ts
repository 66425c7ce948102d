import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

const FROM_SOURCE = resolve('scripts/typescript-source.mjs');
const PROGRAM = resolve('libs/backends/test/filesystem-writer.process.ts');

/** What the process is told: see filesystem-writer.process.ts. */
export interface Order {
  readonly do: 'put' | 'hang' | 'rotate' | 'close';
  readonly key?: string;
  readonly size?: number;
  readonly settle?: boolean;
}

/** A real process that writes to a filesystem backend of its own on the same root, and can be killed. */
export class Writer {
  private readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly lines: AsyncIterator<string>;
  private readonly ended: Promise<unknown>;
  private errors = '';

  private constructor(path: string, container: string, under: readonly string[]) {
    const flags = ['--no-warnings', `--import=${FROM_SOURCE}`];
    const [command, ...rest]: readonly string[] = [...under, process.execPath, ...flags, PROGRAM, path, container];
    this.process = spawn(command ?? process.execPath, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = once(this.process, 'close');
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves once it is ready. `under` is a command to run it under. */
  static async start(path: string, container: string, under: readonly string[] = []): Promise<Writer> {
    const writer = new Writer(path, container, under);
    await writer.answer();
    return writer;
  }

  /** Resolves once the order is carried out; the token for a put. */
  async tell(order: Order): Promise<string> {
    this.process.stdin.write(`${JSON.stringify(order)}\n`);
    return (await this.answer()).slice('done '.length);
  }

  /** Lets no file that it writes grow beyond so many bytes: the system takes what fits of a write, and then fails with EFBIG. */
  limitFiles(bytes: number): void {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(this.process.pid), `--fsize=${bytes}`]);
    if (status !== 0) throw new Error(`prlimit failed: ${String(stderr)}`);
  }

  /** Kills it so that it does nothing more, and waits until it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    this.process.stdin.end();
    await this.ended;
  }

  private async answer(): Promise<string> {
    const line = await this.lines.next();
    if (line.done === true) throw new Error(`the writer ended: ${this.errors}`);
    return line.value;
  }
}
