import { describe, expect, it } from '@jest/globals';
import { BackendError, TOKEN_KINDS, type MemoryBackend, type TokenKind } from '#libs/backends';
import type { BucketDocument, KeyDocument, WriteId } from '#libs/metadata';
import fc from 'fast-check';
import {
  changeBucket,
  createBucket,
  deleteBucket,
  MARKER_KEY,
  migrateBucket,
  reconcileBucket,
  removeObject,
  removeRetired,
  reportIn,
  writeSegment,
  type ReconcileReport,
} from '../src/index.js';
import { newWriteIdFor } from '../src/mutation/write-ids.js';
import { listAll, read, write } from './simulation/clients.js';
import { KeptReports, putOutside } from './simulation/outside.js';
import { ACTOR, holdings, makePlatform, sweepAll, type Platform } from './simulation/platform.js';

const KEYS = ['a', 'b', 'c'];

type Step = { readonly do: 'put' | 'remove'; readonly key: string } | { readonly do: 'sweep' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'sweep' as const }) },
);

/** A bucket, what its client was told, and what a backup would hold of it. */
class Stand {
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
    readonly backend: MemoryBackend,
    readonly bucket: BucketDocument,
  ) {}

  static async on(tokens: TokenKind, others: Readonly<Record<string, TokenKind>> = {}): Promise<Stand> {
    const platform = makePlatform({ tokens: { m1: tokens, ...others } });
    const backend = platform.backends['m1'];
    if (!backend) throw new Error('no backend');
    // A process that was killed takes with it what it had settled.
    for (const one of Object.values(platform.backends)) Object.assign(one.freshIds ?? {}, { settle: () => undefined });
    let writes = 0;
    // As in life: an id begins with the time, and two of one moment differ in the rest.
    const newWriteId = (): WriteId =>
      (platform.time.now.toString(16).padStart(12, '0') + (writes += 1).toString(16).padStart(20, '0')) as WriteId;
    Object.assign(platform.engine, { newWriteId });
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' });
    return new Stand(platform, backend, bucket);
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

describe.each(TOKEN_KINDS)('a bucket restored from a backup, where tokens are %s', (tokens) => {
  it('has all that was acknowledged after the backup, and only that once the grace of deletions is over; later sweeps take nothing of it away, and nothing leaks', async () => {
    const steps = fc.array(step, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(steps, steps, async (before, after) => {
        const stand = await Stand.on(tokens);
        await stand.take(before);
        await stand.backUp();
        await stand.take(after);
        await sweepAll(stand.platform, stand.bucket.id);
        await stand.restore();
        // Nothing is swept before all has been found.
        await sweepAll(stand.platform, stand.bucket.id);
        await stand.reconcile();
        expect(await stand.contents()).toEqual(new Map([...stand.told].sort()));
        await sweepAll(stand.platform, stand.bucket.id);
        // Older versions beneath are left to the next ordinary run.
        await stand.reconcile();
        await sweepAll(stand.platform, stand.bucket.id);
        expect(await stand.contents()).toEqual(new Map([...stand.told].sort()));
        const place = `m1/${stand.bucket.containers[0]?.container ?? ''}`;
        expect(await holdings(stand.platform)).toEqual(
          [`${place}/`, ...[MARKER_KEY, ...stand.told.keys()].map((key) => `${place}/${key}`)].sort(),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('loses nothing either where the old deployment stopped in the middle of its grace: at most deletions of that time are undone', async () => {
    const steps = fc.array(step, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(steps, steps, async (before, after) => {
        const stand = await Stand.on(tokens);
        await stand.take(before);
        await stand.backUp();
        await stand.take(after);
        await stand.restore();
        await stand.reconcile();
        await sweepAll(stand.platform, stand.bucket.id);
        const found = await stand.contents();
        for (const [key, text] of stand.told) expect([key, found.get(key)]).toEqual([key, text]);
        for (const key of found.keys()) expect(stand.written).toContain(key);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps a write that was under way during the backup and acknowledged after it', async () => {
    const stand = await Stand.on(tokens);
    await stand.put('a');
    const began = Promise.withResolvers<undefined>();
    const goOn = Promise.withResolvers<undefined>();
    const { platform, bucket } = stand;
    const put = platform.engine.backends.open;
    const slow = Object.assign(Object.create(await put('m1')) as MemoryBackend, {
      put: async (...parameters: Parameters<MemoryBackend['put']>) => {
        began.resolve(undefined);
        await goOn.promise;
        return stand.backend.put(...parameters);
      },
    });
    Object.assign(platform.engine.backends, { open: () => Promise.resolve(slow) });
    const writing = write(platform, bucket, 'a', 'begun before');
    await began.promise;
    await stand.backUp();
    goOn.resolve(undefined);
    await writing;
    Object.assign(platform.engine.backends, { open: put });
    await sweepAll(platform, bucket.id);
    await stand.restore();
    await stand.reconcile();
    await sweepAll(platform, bucket.id);
    await stand.reconcile();
    expect(await stand.contents()).toEqual(new Map([['a', 'begun before']]));
    expect((await stand.documents()).every(({ document }) => document.intents.length === 0)).toBe(true);
  });

  it('rids itself of the parts of uploads that came after the backup, which no upload knows any more, and keeps those of before', async () => {
    const stand = await Stand.on(tokens);
    const { platform, bucket } = stand;
    // What was settled is not looked at as what a dead process left.
    if (stand.backend.freshIds) Reflect.deleteProperty(stand.backend.freshIds, 'settle');
    const keepUntil = platform.time.now + 24 * 60 * 60_000;
    const part = (upload: string) =>
      writeSegment(platform.engine, ACTOR, { bucket, upload, body: Buffer.from(upload), keepUntil });
    const before = await part('u1');
    await stand.backUp();
    await part('u2');
    await stand.restore();
    await stand.reconcile();
    platform.time.now += 200_000;
    expect((await stand.reconcile())?.counts ?? {}).toEqual(tokens === 'id' ? {} : { removed: 1 });
    await sweepAll(platform, bucket.id);
    const place = `m1/${bucket.containers[0]?.container ?? ''}`;
    expect(await holdings(platform)).toEqual([`${place}/`, `${place}/${MARKER_KEY}`, `${place}/${before.key}`]);
    expect(await listAll(platform, await stand.newest())).toEqual([]);
  });

  it('is left alone by a run that goes on after another has ended its recovery', async () => {
    const stand = await Stand.on(tokens);
    const { platform, bucket, backend } = stand;
    await stand.put('a');
    await stand.backUp();
    await stand.restore();
    const [began, goOn] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const isSlow = { yet: true };
    const stop = async (): Promise<void> => {
      if (!isSlow.yet) return;
      isSlow.yet = false;
      began.resolve(undefined);
      await goOn.promise;
    };
    const list = backend.list.bind(backend);
    Object.assign(backend, { list: async (...asked: Parameters<typeof list>) => stop().then(() => list(...asked)) });
    if (backend.freshIds) {
      const all = backend.freshIds.everyWrite.bind(backend.freshIds);
      Object.assign(backend.freshIds, {
        async *everyWrite(...asked: Parameters<typeof all>) {
          await stop();
          yield* all(...asked);
        },
      });
    }
    const slow = stand.reconcile();
    await began.promise;
    await stand.reconcile();
    const before = await stand.documents();
    // Bytes of a write that is under way, and of one of a key that there was none of.
    for (const key of ['a', 'b']) {
      const writeId = newWriteIdFor(platform.engine, { bucket: bucket.id, key });
      const container = bucket.containers[0]?.container ?? '';
      await putOutside(backend, container, { key, bytes: 'under way', attributes: { writeId } });
    }
    goOn.resolve(undefined);
    expect((await slow)?.counts).toEqual({ skipped: 2 });
    expect(await stand.documents()).toEqual(before);
  });

  it('is read, written, listed and deleted by nobody before that', async () => {
    const stand = await Stand.on(tokens);
    await stand.put('a');
    await stand.backUp();
    await stand.restore();
    const bucket = await stand.newest();
    const { platform } = stand;
    const attempts: readonly Promise<unknown>[] = [
      read(platform, bucket, 'a'),
      write(platform, bucket, 'b', 'new'),
      listAll(platform, bucket),
      removeObject(platform.engine, ACTOR, { bucket, key: 'a' }),
      deleteBucket(platform.engine, ACTOR, bucket.id),
    ];
    for (const attempt of attempts) await expect(attempt).rejects.toMatchObject({ code: 'bucket-recovering' });
    await stand.reconcile();
    expect(await stand.contents()).toEqual(new Map([['a', 'a 1']]));
  });
});

/** From where to where: every kind of token on both sides. */
const WAYS = TOKEN_KINDS.flatMap((from, at) => [
  [from, from] as const,
  [from, TOKEN_KINDS[(at + 1) % TOKEN_KINDS.length] ?? from] as const,
]);

describe.each(WAYS)('a bucket that was migrated after the backup, from tokens %s to %s', (from, to) => {
  it('is found where it went, with all that was acknowledged before, during and after, and nothing of it goes later', async () => {
    const steps = fc.array(step, { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(steps, steps, steps, fc.boolean(), async (before, during, after, andBack) => {
        const stand = await Stand.on(from, { m2: to });
        // By its marker it is known, later, that the endpoint leads to the right place.
        await createBucket(stand.platform.engine, ACTOR, { name: 'neighbour', backend: 'm1' });
        await stand.take(before);
        await stand.backUp();
        await stand.take(during);
        await stand.migrate('m1', 'm2');
        await stand.take(after);
        if (andBack) await stand.migrate('m2', 'm1');
        await sweepAll(stand.platform, stand.bucket.id);
        await stand.restore();
        await stand.reconcile();
        expect(await stand.contents()).toEqual(new Map([...stand.told].sort()));
        const { containers, home } = await stand.newest();
        expect(containers.map(({ backend }) => backend)).toEqual([andBack ? 'm1' : 'm2']);
        expect(home).toBe(andBack ? 'm1' : 'm2');
        await stand.put('a');
        await sweepAll(stand.platform, stand.bucket.id);
        await stand.reconcile();
        await sweepAll(stand.platform, stand.bucket.id);
        expect(await stand.contents()).toEqual(new Map([...stand.told].sort()));
        const place = `${home}/${containers[0]?.container ?? ''}`;
        const held = [`${place}/`, ...[MARKER_KEY, ...stand.told.keys()].map((key) => `${place}/${key}`)];
        expect(await holdings(stand.platform)).toEqual([...held, 'm1/neighbour/', `m1/neighbour/${MARKER_KEY}`].sort());
      }),
      { numRuns: 20 },
    );
  });
});

describe('recovering a bucket that was migrated after the backup', () => {
  /** Objects `a` and `b`, backed up, then migrated to `m2`, where `b` was deleted. */
  const migrated = async (): Promise<Stand> => {
    const stand = await Stand.on('version', { m2: 'version' });
    for (const key of ['a', 'b']) await stand.put(key);
    await stand.backUp();
    await stand.migrate('m1', 'm2');
    await stand.remove('b');
    await sweepAll(stand.platform, stand.bucket.id);
    return stand;
  };

  it('keeps the record of what was found nowhere, marked as missing, where nothing tells that the endpoint of the old place is the right one', async () => {
    const stand = await migrated();
    await stand.restore();
    expect((await stand.reconcile())?.counts).toEqual({ changed: 1 });
    const documents = new Map((await stand.documents()).map(({ key, document }) => [key, document]));
    expect(documents.get('b')?.current?.missing).toBe(true);
    expect(await read(stand.platform, await stand.newest(), 'a')).toBe(stand.told.get('a'));
    const { containers, home } = await stand.newest();
    expect(containers.map(({ backend }) => backend)).toEqual(['m1', 'm2']);
    expect(home).toBe('m2');
    await stand.put('c');
  });

  it('takes in no copy of a container, nor one of another deployment', async () => {
    const stand = await migrated();
    const { engine, backends } = stand.platform;
    const m2 = backends['m2'];
    if (!m2) throw new Error('no backend');
    const [there] = (await stand.newest()).containers;
    const place = { container: there?.container ?? '', key: MARKER_KEY };
    const { body } = await m2.get(ACTOR, place);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const marker = JSON.parse(Buffer.concat(chunks).toString()) as object;
    for (const [container, text] of Object.entries({
      copy: JSON.stringify(marker),
      earlier: JSON.stringify({ ...marker, backend: undefined, container: undefined }),
      strange: JSON.stringify({ ...marker, deployment: 'another', container: 'strange' }),
    })) {
      await m2.createContainer(ACTOR, { container });
      await putOutside(m2, container, { key: MARKER_KEY, bytes: text });
      await putOutside(m2, container, { key: 'x', bytes: 'nobody put this' });
    }
    await stand.restore();
    await stand.reconcile();
    expect((await stand.newest()).containers.map(({ container }) => container)).toEqual(['bucket', 'bucket']);
    expect(await engine.index.getKey({ bucket: stand.bucket.id, key: 'x' })).toBeUndefined();
  });

  it('waits for a backend that cannot be asked, and the bucket is not deleted meanwhile', async () => {
    const stand = await migrated();
    await stand.restore();
    const { engine } = stand.platform;
    const { open } = engine.backends;
    const away = (): Promise<never> => Promise.reject(new BackendError('unavailable', 'm2 is away', { backend: 'm2' }));
    const without = async (id: string) => {
      const backend = await open(id);
      return id === 'm2' ? Object.assign(Object.create(backend) as typeof backend, { listContainers: away }) : backend;
    };
    Object.assign(engine.backends, { open: without });
    const { id: bucketId } = stand.bucket;
    const work = { bucketId, parallel: 1, reporter: new KeptReports() };
    await expect(reconcileBucket(engine, ACTOR, work)).rejects.toMatchObject({ code: 'backend-unavailable' });
    await expect(deleteBucket(engine, ACTOR, bucketId)).rejects.toMatchObject({ code: 'backend-unavailable' });
    Object.assign(engine.backends, { open });
    await expect(deleteBucket(engine, ACTOR, bucketId)).rejects.toMatchObject({ code: 'bucket-recovering' });
    await stand.reconcile();
    expect(await read(stand.platform, await stand.newest(), 'a')).toBe(stand.told.get('a'));
  });
});

describe('recovering a bucket', () => {
  it('tells what it found: new, changed and deleted objects', async () => {
    const stand = await Stand.on('version');
    for (const key of ['a', 'b']) await stand.put(key);
    await stand.backUp();
    await stand.take([{ do: 'put', key: 'a' }, { do: 'remove', key: 'b' }, { do: 'put', key: 'c' }, { do: 'sweep' }]);
    await stand.restore();
    const report = await stand.reconcile();
    expect(report?.counts).toEqual({ changed: 1, gone: 1, new: 1 });
  });

  it('does not believe a request that arrived after its writer had been settled, long before the backup', async () => {
    const stand = await Stand.on('version');
    const { platform, backend, bucket } = stand;
    platform.time.now = Date.UTC(2026, 0, 2);
    await stand.put('a');
    const address = { bucket: bucket.id, key: 'a' };
    const tie = newWriteIdFor(platform.engine, address).split('.')[1] ?? '';
    const old = Date.UTC(2026, 0, 1).toString(16).padStart(12, '0');
    await putOutside(backend, bucket.containers[0]?.container ?? '', {
      key: 'a',
      bytes: 'late',
      attributes: { writeId: `${old}${'0'.repeat(20)}.${tie}` },
    });
    await stand.backUp();
    await stand.restore();
    const report = await stand.reconcile();
    expect(report?.counts).toEqual({ orphan: 1 });
    expect(await stand.contents()).toEqual(new Map([['a', 'a 1']]));
  });

  it('fails, and leaves the bucket closed, where the container bears no marker; a bucket whose containers have gone can be deleted', async () => {
    const stand = await Stand.on('version');
    await stand.put('a');
    await stand.backUp();
    await stand.remove('a');
    await sweepAll(stand.platform, stand.bucket.id);
    await stand.restore();
    const [container] = (await stand.newest()).containers;
    const name = container?.container ?? '';
    const place = { container: name, key: MARKER_KEY, token: container?.marker ?? '' };
    expect(await stand.backend.delete(ACTOR, place)).toBe('deleted');
    const reporter = new KeptReports();
    const end = await reconcileBucket(stand.platform.engine, ACTOR, {
      bucketId: stand.bucket.id,
      parallel: 1,
      reporter,
    });
    expect(end).toMatchObject({ state: 'failed', error: expect.stringMatching(/does not bear this bucket's marker/) });
    expect((await stand.newest()).recovering).toBeDefined();
    await expect(deleteBucket(stand.platform.engine, ACTOR, stand.bucket.id)).rejects.toMatchObject({
      code: 'bucket-recovering',
    });
    await stand.backend.deleteContainer(ACTOR, name);
    await deleteBucket(stand.platform.engine, ACTOR, stand.bucket.id);
    expect(await stand.platform.index.getBucket(stand.bucket.id)).toBeUndefined();
  });
});
