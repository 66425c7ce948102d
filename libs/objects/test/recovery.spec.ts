import { describe, expect, it } from '@jest/globals';
import { TOKEN_KINDS, type MemoryBackend } from '#libs/backends';
import fc from 'fast-check';
import { deleteBucket, MARKER_KEY, reconcileBucket, removeObject, writeSegment } from '../src/index.js';
import { newWriteIdFor } from '../src/mutation/write-ids.js';
import { listAll, read, write } from './simulation/clients.js';
import { KeptReports, putOutside } from './simulation/outside.js';
import { ACTOR, holdings, sweepAll } from './simulation/platform.js';
import { Stand, step } from './simulation/restored-bucket.js';

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

  it('is told of the writes whose bytes are damaged, where every write is looked at', async () => {
    const stand = await Stand.on(tokens);
    await stand.put('a');
    await stand.backUp();
    await stand.restore();
    const { freshIds } = stand.platform.backends['m1'] as MemoryBackend;
    if (freshIds) {
      const all = freshIds.everyWrite.bind(freshIds);
      Object.assign(freshIds, {
        async *everyWrite(...asked: Parameters<typeof all>) {
          yield { damaged: 'id-1', key: 'b' };
          yield { damaged: 'id-2' };
          yield* all(...asked);
        },
      });
    }
    const report = await stand.reconcile();
    expect(report?.counts['damaged']).toBe(freshIds && 2);
    const told = report?.first.filter(({ kind }) => kind === 'damaged').map(({ key }) => key);
    expect(told).toEqual(freshIds ? ['b', 'id-2'] : []);
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
