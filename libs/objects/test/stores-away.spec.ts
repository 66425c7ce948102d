import { describe, expect, it } from '@jest/globals';
import { BackendError } from '#libs/backends';
import { IndexError, type BucketDocument } from '#libs/metadata';
import { adoptBucket, createBucket, migrateBucket, reconcileBucket, runLifecycle, type JobEnd } from '../src/index.js';
import { read, write } from './simulation/clients.js';
import { KeptReports, putOutside } from './simulation/outside.js';
import { ACTOR, makePlatform, sweepAll, type Platform } from './simulation/platform.js';

/** Jobs in whose middle a store goes away for a while: they wait, or are given back and go on at their checkpoint, and end right, with nothing counted as failed. */
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
const WHAT_AWAY_SAYS = /away|unknown|may or may not/;

interface Stand {
  readonly platform: Platform;
  readonly bucket: BucketDocument;
  readonly reporter: KeptReports;
  readonly run: () => Promise<JobEnd>;
}

/** Others' objects in a container, and what each job does with them. */
const JOBS = {
  async migrating(platform: Platform): Promise<Stand> {
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' });
    for (const key of KEYS) await write(platform, bucket, key, `bytes of ${key}`);
    const reporter = new KeptReports();
    const job = { bucketId: bucket.id, from: 'm1', to: 'm2', parallel: 1, reporter };
    const run = (): Promise<JobEnd> => migrateBucket(platform.engine, ACTOR, { ...job, ...checkpointOf(reporter) });
    return { platform, bucket, reporter, run };
  },
  async adopting(platform: Platform): Promise<Stand> {
    await platform.backends['m1']?.createContainer(ACTOR, { container: 'theirs' });
    for (const key of KEYS) await putOutside(platform.backends['m1'], 'theirs', { key, bytes: `bytes of ${key}` });
    const adopt = { container: 'theirs' };
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1', adopt });
    const reporter = new KeptReports();
    const job = { bucketId: bucket.id, parallel: 1, reporter };
    const run = (): Promise<JobEnd> => adoptBucket(platform.engine, ACTOR, { ...job, ...checkpointOf(reporter) });
    return { platform, bucket, reporter, run };
  },
  async ruling(platform: Platform): Promise<Stand> {
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' });
    for (const key of KEYS) await write(platform, bucket, key, `bytes of ${key}`);
    const reporter = new KeptReports();
    const transitions = [{ days: 0, storageClass: 'STANDARD', backend: 'm2' }] as const;
    const rules = [{ id: 'move', enabled: true, filter: {}, transitions }];
    const job = { bucketId: bucket.id, rules, parallel: 1, reporter };
    const run = (): Promise<JobEnd> =>
      runLifecycle(platform.engine, ACTOR, {
        ...job,
        ...checkpointOf(reporter),
        ...(reporter.reports.length > 0 ? { before: reporter.last.counts } : {}),
      });
    return { platform, bucket, reporter, run };
  },
  async reconciling(platform: Platform): Promise<Stand> {
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' });
    for (const key of KEYS) await putOutside(platform.backends['m1'], 'bucket', { key, bytes: `bytes of ${key}` });
    const reporter = new KeptReports();
    const job = { bucketId: bucket.id, parallel: 1, reporter };
    const run = (): Promise<JobEnd> => reconcileBucket(platform.engine, ACTOR, { ...job, ...checkpointOf(reporter) });
    return { platform, bucket, reporter, run };
  },
};

function checkpointOf({ checkpoint }: KeptReports): { checkpoint?: Readonly<Record<string, unknown>> } {
  return checkpoint ? { checkpoint } : {};
}

/** The index is away from its third change of a key on, until it is said to be back. */
function takeIndexAway({ index }: Platform): () => void {
  const change = index.changeKey.bind(index);
  let changes = 0;
  let isBack = false;
  Object.assign(index, {
    changeKey: async (...request: Parameters<typeof change>) => {
      changes += 1;
      if (changes >= 3 && !isBack) throw new IndexError('unavailable', 'away');
      return change(...request);
    },
  });
  return () => {
    isBack = true;
    expect(changes).toBeGreaterThanOrEqual(3);
  };
}

async function assertRight({ platform, bucket, reporter }: Stand): Promise<void> {
  expect(reporter.last.counts.objects).toEqual({ total: KEYS.length, done: KEYS.length, failed: 0 });
  await sweepAll(platform, bucket.id);
  const now = (await platform.index.getBucket(bucket.id))?.value ?? bucket;
  for (const key of KEYS) expect(await read(platform, now, key)).toBe(`bytes of ${key}`);
}

describe.each(['migrating', 'adopting', 'ruling', 'reconciling'] as const)('%s', (job) => {
  it('ends early when the index goes away in its middle, counts nothing as failed, and goes on once it is back', async () => {
    const at = await JOBS[job](makePlatform({ tokens: { m1: 'version', m2: 'version' } }));
    const back = takeIndexAway(at.platform);
    await expect(at.run()).rejects.toThrow(WHAT_AWAY_SAYS);
    expect(at.reporter.failures).toEqual([]);
    back();
    await sweepAll(at.platform, at.bucket.id);
    expect(await at.run()).toEqual({ state: 'completed' });
    await assertRight(at);
  });
});

describe.each(['adopting', 'reconciling'] as const)('%s', (job) => {
  it('ends early when the backend goes away in its middle, counts nothing as failed, and goes on once it is back', async () => {
    const away = { from: Infinity, heads: 0, isBack: false };
    const platform = makePlatform({
      tokens: { m1: 'version', m2: 'version' },
      gate: ({ operation, phase }) => {
        if (phase === 'before' && operation === 'head') away.heads += 1;
        const isAway = away.heads >= away.from && !away.isBack;
        return isAway ? Promise.reject(new BackendError('unavailable', 'the backend is away')) : undefined;
      },
      sleep: () => Promise.resolve(),
    });
    const at = await JOBS[job](platform);
    away.from = away.heads + 3;
    const ended = await at.run().catch((error: unknown) => error);
    expect(ended).toMatchObject({ code: 'backend-unavailable' });
    expect(at.reporter.failures).toEqual([]);
    away.isBack = true;
    await sweepAll(platform, at.bucket.id);
    expect(await at.run()).toEqual({ state: 'completed' });
    await assertRight(at);
  });
});

describe('a migration', () => {
  it('waits for a destination that does not answer, and ends completed', async () => {
    let puts = 0;
    let isBack = false;
    const running: { at?: Stand } = {};
    const platform = makePlatform({
      tokens: { m1: 'version', m2: 'version' },
      gate: ({ operation, phase }) => {
        if (!running.at || isBack || operation !== 'put' || phase !== 'before') return undefined;
        puts += 1;
        return puts > 2 ? Promise.reject(new BackendError('unavailable', 'the backend is away')) : undefined;
      },
      sleep: async (ms) => {
        if (ms < 2_000 || isBack || !running.at) return;
        isBack = true;
        // What the outage left unknown is the sweeper's, which runs beside.
        await sweepAll(running.at.platform, running.at.bucket.id);
      },
    });
    const at = await JOBS.migrating(platform);
    running.at = at;
    expect(await at.run()).toEqual({ state: 'completed' });
    expect(isBack).toBe(true);
    await assertRight(at);
  });

  it('tries busy objects again after a pause, in later passes, and ends completed', async () => {
    const writing = Promise.withResolvers<undefined>();
    const pauses: number[] = [];
    const held = Promise.withResolvers<undefined>();
    let isUpload = false;
    const upload: { written?: Promise<void> } = {};
    const platform = makePlatform({
      tokens: { m1: 'none', m2: 'version' },
      gate: ({ operation, phase }) => {
        if (!isUpload || operation !== 'put' || phase !== 'before') return undefined;
        isUpload = false;
        held.resolve(undefined);
        return writing.promise;
      },
      sleep: async (ms) => {
        if (ms < 1_000) return;
        pauses.push(ms);
        if (pauses.length < 3) return;
        writing.resolve(undefined);
        await upload.written;
      },
    });
    const at = await JOBS.migrating(platform);
    // A long upload holds the key, for longer than two passes.
    isUpload = true;
    upload.written = write(platform, at.bucket, 'c', 'bytes of c');
    await held.promise;
    expect(await at.run()).toEqual({ state: 'completed' });
    expect(pauses).toEqual([1_000, 2_000, 4_000]);
    await assertRight(at);
  });
});

describe('a lifecycle run', () => {
  it('counts an object that fails before an outage and after it once, and is not said to have completed', async () => {
    const denied = new BackendError('denied', 'not this one', { backend: 'm2' });
    let isDenied = false;
    const platform = makePlatform({
      tokens: { m1: 'version', m2: 'version' },
      gate: ({ operation, phase }, { key }) =>
        isDenied && operation === 'put' && phase === 'before' && key === 'a' ? Promise.reject(denied) : undefined,
    });
    const at = await JOBS.ruling(platform);
    isDenied = true;
    const back = takeIndexAway(platform);
    await expect(at.run()).rejects.toThrow(WHAT_AWAY_SAYS);
    expect(at.reporter.last.counts.objects).toMatchObject({ failed: 1 });
    back();
    await sweepAll(platform, at.bucket.id);
    expect(await at.run()).toMatchObject({ state: 'failed' });
    expect(at.reporter.last.counts.objects).toEqual({ total: KEYS.length, done: KEYS.length - 1, failed: 1 });
  });
});

describe('an adoption', () => {
  it('that ends early after its last page counts nothing twice when it goes on', async () => {
    const at = await JOBS.adopting(makePlatform({ tokens: { m1: 'version' } }));
    const { index } = at.platform;
    const changeBucket = index.changeBucket.bind(index);
    const away = (): Promise<never> => Promise.reject(new IndexError('unavailable', 'away'));
    Object.assign(index, { changeBucket: away });
    await expect(at.run()).rejects.toThrow(WHAT_AWAY_SAYS);
    Object.assign(index, { changeBucket });
    expect(await at.run()).toEqual({ state: 'completed' });
    await assertRight(at);
    expect((await index.getBucket(at.bucket.id))?.value.containers[0]?.adopting).toBeUndefined();
  });
});

describe('a reconciliation', () => {
  it('that is killed after its last report counts nothing twice when it goes on', async () => {
    const at = await JOBS.reconciling(makePlatform({ tokens: { m1: 'version', m2: 'version' } }));
    // In the index alone, behind all that is listed.
    await write(at.platform, at.bucket, 'z', 'removed');
    const [placement] = (await at.platform.index.scan(at.bucket.id, { limit: 10 })).map(
      (one) => one.document.current?.placement,
    );
    await at.platform.backends['m1']?.delete(ACTOR, { container: 'bucket', key: 'z', token: placement?.token ?? '' });
    expect(await at.run()).toEqual({ state: 'completed' });
    const { counts } = at.reporter.last;
    expect(counts.objects).toEqual({ total: KEYS.length + 1, done: KEYS.length + 1, failed: 0 });
    expect(await at.run()).toEqual({ state: 'completed' });
    expect(at.reporter.last.counts).toEqual(counts);
  });
});
