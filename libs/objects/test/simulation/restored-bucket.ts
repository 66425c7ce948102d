import fc from 'fast-check';
import { expect } from '@jest/globals';
import { type MemoryBackend, type TokenKind } from '#libs/backends';
import type { BucketDocument, KeyDocument, WriteId } from '#libs/metadata';
import {
  changeBucket,
  createBucket,
  migrateBucket,
  reconcileBucket,
  removeObject,
  removeRetired,
  reportIn,
  type ReconcileReport,
} from '../../src/index.js';
import { listAll, read, write } from './clients.js';
import { KeptReports } from './outside.js';
import { ACTOR, makePlatform, sweepAll, type Platform } from './platform.js';

export const KEYS = ['a', 'b', 'c'];

/** What a client or the sweeper does. */
export type Step = { readonly do: 'put' | 'remove'; readonly key: string } | { readonly do: 'sweep' };

/** Any of them. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'sweep' as const }) },
);

/** A bucket to be made. */
interface Place {
  readonly home: string;
  readonly name: string;
  readonly encrypted?: boolean;
}

/** A bucket, what its client was told, and what a backup would hold of it. */
export class Stand {
  readonly told = new Map<string, string>();
  readonly written = new Set<string>();
  #backup: {
    at: number;
    keys: readonly { key: string; document: KeyDocument }[];
    lies: Pick<BucketDocument, 'containers' | 'home'>;
  } = { at: 0, keys: [], lies: { containers: [], home: '' } };
  #writes = 0;

  private constructor(
    readonly platform: Platform,
    readonly bucket: BucketDocument,
  ) {}

  static async on(tokens: TokenKind, others: Readonly<Record<string, TokenKind>> = {}): Promise<Stand> {
    const platform = makePlatform({ tokens: { m1: tokens, ...others } });
    // A process that was killed takes with it what it had settled.
    for (const one of Object.values(platform.backends)) Object.assign(one.freshIds ?? {}, { settle: () => undefined });
    return Stand.over(platform, { home: 'm1', name: 'bucket' });
  }

  /** On any backends; `home` is one of them. */
  static async over(platform: Platform, at: Place): Promise<Stand> {
    let writes = 0;
    // As in life: an id begins with the time, and two of one moment differ in the rest.
    const newWriteId = (): WriteId =>
      (platform.time.now.toString(16).padStart(12, '0') + (writes += 1).toString(16).padStart(20, '0')) as WriteId;
    Object.assign(platform.engine, { newWriteId });
    const { home: backend, name, encrypted = false } = at;
    const { bucket } = await createBucket(platform.engine, ACTOR, { name, backend, encrypted });
    return new Stand(platform, bucket);
  }

  /** The bucket's first home, where that is in memory. */
  get backend(): MemoryBackend {
    const backend = this.platform.backends['m1'];
    if (!backend) throw new Error('the bucket is not in memory');
    return backend;
  }

  async take(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.platform.time.now += 1_000;
      if (step.do === 'sweep') await sweepAll(this.platform, this.bucket.id);
      else if (step.do === 'put') await this.put(step.key);
      else await this.remove(step.key);
    }
  }

  async put(key: string): Promise<void> {
    // The same bytes come again: a backend without tokens cannot tell such writes apart.
    const text = `${key} ${String((this.#writes += 1) % 2)}`;
    this.written.add(key);
    await write(this.platform, await this.newest(), key, text);
    this.told.set(key, text);
  }

  async remove(key: string): Promise<void> {
    await removeObject(this.platform.engine, ACTOR, { bucket: await this.newest(), key });
    this.told.delete(key);
  }

  async documents(): Promise<readonly { key: string; document: KeyDocument }[]> {
    return this.platform.index.scan(this.bucket.id, { limit: 1000 });
  }

  async backUp(): Promise<void> {
    const { containers, home } = await this.newest();
    this.#backup = { at: this.platform.time.now, keys: await this.documents(), lies: { containers, home } };
  }

  /** What a restore leaves: the documents of the backup, and a bucket that is being recovered. All processes of before are dead. */
  async restore(): Promise<void> {
    const { engine, index } = this.platform;
    const put = async (key: string, next?: KeyDocument): Promise<void> => {
      const address = { bucket: this.bucket.id, key };
      const expected = (await index.getKey(address))?.version ?? null;
      await index.changeKey(address, { expected, requireActive: false, ...(next ? { next } : {}) });
    };
    for (const { key } of await this.documents()) await put(key);
    for (const { key, document } of this.#backup.keys) await put(key, document);
    const { at, lies } = this.#backup;
    await changeBucket(engine, this.bucket.id, (current) => ({ ...current, ...lies, recovering: at }));
    for (const backend of Object.values(this.platform.backends)) backend.endProcess();
  }

  /** To its end: what lay there before has gone, and its container with it. */
  async migrate(from: string, to: string): Promise<void> {
    const { engine } = this.platform;
    const ends = { bucketId: this.bucket.id, from, to, parallel: 2 };
    expect(await migrateBucket(engine, ACTOR, { ...ends, reporter: new KeptReports() })).toEqual({
      state: 'completed',
    });
    expect(await sweepAll(this.platform, this.bucket.id)).toEqual([]);
    const onFailure = (_container: unknown, error: unknown): never => {
      throw error;
    };
    expect(await removeRetired(engine, ACTOR, await this.newest(), onFailure)).toBe(1);
  }

  async reconcile(): Promise<ReconcileReport | undefined> {
    const reporter = new KeptReports();
    const end = await reconcileBucket(this.platform.engine, ACTOR, { bucketId: this.bucket.id, parallel: 3, reporter });
    expect(end).toEqual({ state: 'completed' });
    return reportIn(reporter.checkpoint ?? null);
  }

  async newest(): Promise<BucketDocument> {
    const found = await this.platform.index.getBucket(this.bucket.id);
    if (!found) throw new Error('the bucket has gone');
    return found.value;
  }

  async contents(): Promise<Map<string, string | undefined>> {
    const bucket = await this.newest();
    const found = new Map<string, string | undefined>();
    for (const key of await listAll(this.platform, bucket)) found.set(key, await read(this.platform, bucket, key));
    return found;
  }
}
