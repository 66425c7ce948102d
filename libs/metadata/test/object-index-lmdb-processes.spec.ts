import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLmdbIndex } from '#libs/metadata';
import type { ObjectIndex } from '#libs/metadata';
import { bucketId } from './object-index/documents.js';

const ROUNDS = 20;
const BUCKET = bucketId('shared');
const FROM_SOURCE = resolve('scripts/typescript-source.mjs');
const WRITER = resolve('libs/metadata/test/object-index/writer.process.ts');

/** A writing process and what it has acknowledged so far. */
class Writer {
  readonly keys: string[] = [];
  counts = 0;
  begun = false;
  errors = '';
  private readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly ended: Promise<unknown>;
  private rest = '';
  private onLine: () => void = () => undefined;

  constructor(path: string, name: string) {
    const flags = ['--no-warnings', `--import=${FROM_SOURCE}`];
    this.process = spawn(process.execPath, [...flags, WRITER, path, name], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = once(this.process, 'close');
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => this.read(text));
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.process.once('close', () => this.onLine());
  }

  get acknowledged(): number {
    return this.keys.length + this.counts;
  }

  /** Resolves once it has acknowledged `more` changes from now on; fails when it ends before. */
  async acknowledges(more: number): Promise<void> {
    const wanted = this.acknowledged + more;
    while (this.acknowledged < wanted) {
      if (this.process.exitCode !== null || this.process.signalCode !== null)
        throw new Error(`the writer ended with ${this.process.exitCode}: ${this.errors}`);
      await new Promise<void>((seen) => (this.onLine = seen));
    }
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  async stop(): Promise<number | null> {
    this.process.stdin.end();
    await this.ended;
    return this.process.exitCode;
  }

  /** A line cut by the kill was not acknowledged to anyone. */
  private read(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'begun') this.begun = true;
      else if (line === 'count') this.counts++;
      else this.keys.push(line.slice('key '.length));
    }
    this.onLine();
  }
}

describe('an lmdb index shared by processes', () => {
  let path: string;
  let index: ObjectIndex;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'object-index-'));
    index = await createLmdbIndex({ path });
  });
  afterEach(async () => {
    await index.close();
    await rm(path, { recursive: true });
  });

  const missing = async (of: ObjectIndex, keys: readonly string[]): Promise<string[]> => {
    const found = await Promise.all(keys.map((key) => of.getKey({ bucket: BUCKET, key })));
    return keys.filter((key, at) => found[at]?.value.current?.placement.token !== key);
  };

  it(`loses no acknowledged change when one of two writing processes is killed, ${ROUNDS} times`, async () => {
    const living = new Writer(path, 'living');
    const killed: Writer[] = [];
    try {
      await living.acknowledges(1);
      for (let round = 0; round < ROUNDS; round++) {
        const victim = new Writer(path, `victim-${round}`);
        killed.push(victim);
        await victim.acknowledges(1 + ((round * 37) % 200));
        await victim.kill();
        expect(victim.errors).toBe('');
        expect(await missing(index, victim.keys)).toStrictEqual([]);
        await living.acknowledges(20);
      }
    } finally {
      await living.stop();
    }
    expect(living.errors).toBe('');
    await index.close();
    index = await createLmdbIndex({ path });

    const all = [living, ...killed];
    const acknowledged = all.flatMap(({ keys }) => keys);
    expect(await missing(index, acknowledged)).toStrictEqual([]);
    const counted = all.reduce((sum, { counts }) => sum + counts, 0);
    const counter = (await index.getKey({ bucket: BUCKET, key: 'counter' }))?.value.current?.size ?? 0;
    expect(counter).toBeGreaterThanOrEqual(counted);
    // A killed process may have made one more change than it could tell of.
    expect(counter).toBeLessThanOrEqual(counted + ROUNDS);

    const documents = await index.scan(BUCKET, { limit: 1_000_000 });
    const pending = await index.listPending({ limit: 1_000_000 });
    expect(pending.map(({ key }) => key)).toStrictEqual(documents.map(({ key }) => key));
    expect(documents.length).toBeGreaterThanOrEqual(acknowledged.length);
  }, 180_000);

  it('shows a change of another process at once, and notices it in a compare-and-set', async () => {
    const other = new Writer(path, 'other');
    try {
      for (let round = 0; round < 50; round++) {
        await other.acknowledges(5);
        expect(await missing(index, other.keys.slice(-3))).toStrictEqual([]);
      }
    } finally {
      expect(await other.stop()).toBe(0);
    }
    const [key = ''] = other.keys;
    const change = { expected: null, requireActive: false };
    expect(await index.changeKey({ bucket: BUCKET, key }, change)).toBe('version-conflict');
  }, 60_000);
});
