import { beforeEach, describe, expect, it } from '@jest/globals';
import { BackendError, TOKEN_KINDS, type TokenKind } from '#libs/backends';
import { IndexError, type BucketDocument, type ObjectRecord } from '#libs/metadata';
import { VENDORS } from '#libs/naming';
import type { TierPolicy } from '#libs/tiering';
import {
  changeBucket,
  createBucket,
  encryptBucket,
  encryptObjects,
  isObjectsError,
  putObject,
  restampObject,
  retierBucket,
  type JobEnd,
  type Report,
} from '../src/index.js';
import { read, write } from './simulation/clients.js';
import { ACTOR, holdings, makePlatform, sweepAll, type Platform, type PlatformOptions } from './simulation/platform.js';

const KEYS = Array.from({ length: 80 }, (_, n) => `k/${String(n).padStart(3, '0')}`);

/** Every vendor in one class of the memory backend. */
function policy(name: string, storageClass: string): TierPolicy {
  const classes = Object.fromEntries(VENDORS.map((vendor) => [vendor, storageClass]));
  return { name, description: '', classes, attributes: {}, backends: [] };
}

class World {
  readonly reports: Report[] = [];
  /** Called at points of the domain. */
  atPoint: NonNullable<PlatformOptions['reach']> = () => undefined;
  /** Asked at each report. */
  wish: (report: Report) => 'run' | 'pause' = () => 'run';

  private constructor(
    readonly platform: Platform,
    readonly bucket: BucketDocument,
    readonly policies: TierPolicy[],
  ) {}

  static async make(tokens: TokenKind): Promise<World> {
    const made: { world?: World } = {};
    const reach: PlatformOptions['reach'] = (...at) => made.world?.atPoint(...at);
    const platform = makePlatform({ tokens: { m1: tokens }, reach });
    const policies = [policy('Warm', 'STANDARD'), policy('Cold', 'COLD')];
    Object.assign(platform.engine, { policies: () => Promise.resolve(policies) });
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1', policy: 'Warm' });
    for (const key of KEYS) await write(platform, bucket, key, `bytes of ${key}`);
    made.world = new World(platform, bucket, policies);
    return made.world;
  }

  setPolicy(name: string): Promise<BucketDocument> {
    return changeBucket(this.platform.engine, this.bucket.id, (current) => ({ ...current, policy: name }));
  }

  async current(): Promise<BucketDocument> {
    return changeBucket(this.platform.engine, this.bucket.id, () => undefined);
  }

  run(job: typeof retierBucket, checkpoint?: Readonly<Record<string, unknown>>): Promise<JobEnd> {
    return job(this.platform.engine, ACTOR, {
      bucketId: this.bucket.id,
      parallel: 4,
      ...(checkpoint ? { checkpoint } : {}),
      reporter: {
        report: (report) => {
          this.reports.push(structuredClone(report));
          return Promise.resolve(this.wish(report));
        },
      },
    });
  }

  /** The last report with a checkpoint, and the counts of the very last. */
  get last(): Report | undefined {
    const counts = this.reports.at(-1)?.counts;
    const saved = this.reports.findLast(({ checkpoint }) => checkpoint !== undefined);
    return saved && counts && { ...saved, counts };
  }

  async record(key: string): Promise<ObjectRecord | undefined> {
    return (await this.platform.index.getKey({ bucket: this.bucket.id, key }))?.value.current;
  }

  async classes(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { document } of await this.platform.index.scan(this.bucket.id, { limit: 1000 })) {
      const { tier = '-', placement } = document.current ?? { placement: { storageClass: 'none' } };
      const name = `${tier} ${placement.storageClass}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}

/** The memory backend knows no class of Azure's, and Azure is typical of ETags. */
const CLASSED = TOKEN_KINDS.filter((tokens) => tokens !== 'etag');

describe.each(CLASSED)('retiering a bucket on tokens %s', (tokens) => {
  let at: World;
  beforeEach(async () => {
    at = await World.make(tokens);
  });

  it('gives its objects the class of the new policy, leaves those with a class of their own, and finds nothing to do the second time', async () => {
    const { engine } = at.platform;
    const { bucket } = at;
    await restampObject(engine, ACTOR, { bucket, key: 'k/003', storageClass: 'Warm' });
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const put = { bucket, key: 'own', body: Buffer.from('own'), expected: {}, attributes };
    await putObject(engine, ACTOR, { ...put, storageClass: 'Warm' });
    await at.setPolicy('Cold');
    const before = await at.record('k/000');
    expect(await at.classes()).toEqual({ 'Warm STANDARD': KEYS.length + 1 });
    expect(await at.run(retierBucket)).toEqual({ state: 'completed' });
    expect(await at.classes()).toEqual({ 'Warm STANDARD': 2, 'Cold COLD': KEYS.length - 1 });
    expect((await at.record('k/000'))?.lastModified).toBe(before?.lastModified);
    expect(at.last).toMatchObject({
      counts: { objects: { total: KEYS.length - 1, done: KEYS.length - 1, failed: 0 } },
      checkpoint: { report: { counts: { own: 2 }, first: [{ key: 'k/003', kind: 'own' }, { key: 'own' }] } },
    });
    for (const key of KEYS) expect(await read(at.platform, bucket, key)).toBe(`bytes of ${key}`);
    at.platform.vendorCalls.length = 0;
    expect(await at.run(retierBucket)).toEqual({ state: 'completed' });
    expect(at.platform.vendorCalls).toEqual([]);
    await sweepAll(at.platform, bucket.id);
    expect((await holdings(at.platform)).filter((line) => line.includes('/k/'))).toHaveLength(KEYS.length);
  });

  it('follows what a tier means now, as its bucket has it', async () => {
    at.policies[0] = policy('Warm', 'COLD');
    expect(await at.run(retierBucket)).toEqual({ state: 'completed' });
    expect(await at.classes()).toEqual({ 'Warm COLD': KEYS.length });
  });

  it('goes on at its checkpoint after a kill, and counts what is left', async () => {
    await at.setPolicy('Cold');
    let pages = 0;
    at.wish = ({ checkpoint }) => (checkpoint && ++pages === 1 ? 'pause' : 'run');
    expect(await at.run(retierBucket)).toEqual({ state: 'paused' });
    const paused = at.last;
    const { done, total } = paused?.counts.objects ?? { done: 0, total: 0 };
    expect([done, total]).toEqual([64, KEYS.length]);
    expect(await at.run(retierBucket, paused?.checkpoint)).toEqual({ state: 'completed' });
    expect(at.last?.counts.objects).toEqual({ total: KEYS.length, done: KEYS.length, failed: 0 });
    expect(await at.classes()).toEqual({ 'Cold COLD': KEYS.length });
  });

  it('lets every write of a client stand that comes between', async () => {
    const bucket = await at.setPolicy('Cold');
    const { index } = at.platform;
    const scan = index.scan.bind(index);
    let scans = 0;
    Object.assign(index, {
      scan: async (...request: Parameters<typeof scan>) => {
        const page = await scan(...request);
        // After the count, between judging and changing.
        if (++scans === 2) await write(at.platform, bucket, 'k/001', 'new');
        return page;
      },
    });
    expect(await at.run(retierBucket)).toEqual({ state: 'completed' });
    expect(await read(at.platform, bucket, 'k/001')).toBe('new');
    expect(await at.classes()).toEqual({ 'Cold COLD': KEYS.length });
  });

  it('changes the class of sealed objects as they are', async () => {
    await encryptBucket(at.platform.engine, at.bucket, true);
    const bucket = await at.setPolicy('Cold');
    await write(at.platform, at.bucket, 'plain', 'plain');
    await write(at.platform, { ...bucket, policy: 'Warm' }, 'k/000', 'sealed');
    expect(await at.run(retierBucket)).toEqual({ state: 'completed' });
    expect(await read(at.platform, bucket, 'k/000')).toBe('sealed');
    expect((await at.record('k/000'))?.sealing).toBeDefined();
    expect((await at.record('plain'))?.sealing).toBeUndefined();
  });

  it('changes also what a client gave other metadata meanwhile, which leaves the class as it was', async () => {
    const bucket = await at.setPolicy('Cold');
    const { index } = at.platform;
    const scan = index.scan.bind(index);
    let scans = 0;
    Object.assign(index, {
      scan: async (...request: Parameters<typeof scan>) => {
        const page = await scan(...request);
        const attributes = { metadata: { colour: 'red' } };
        if (++scans === 2) await restampObject(at.platform.engine, ACTOR, { bucket, key: 'k/005', attributes });
        return page;
      },
    });
    expect(await at.run(retierBucket)).toEqual({ state: 'completed' });
    expect(await at.classes()).toEqual({ 'Cold COLD': KEYS.length });
    expect((await at.record('k/005'))?.metadata).toEqual({ colour: 'red' });
    expect(at.last?.counts.objects).toEqual({ total: KEYS.length, done: KEYS.length, failed: 0 });
  });

  it('ends early where the index is away, and says of no object that it could not be changed', async () => {
    await at.setPolicy('Cold');
    const { index } = at.platform;
    const changeKey = index.changeKey.bind(index);
    let calls = 0;
    Object.assign(index, {
      changeKey: (...change: Parameters<typeof changeKey>) =>
        ++calls > 9 ? Promise.reject(new IndexError('unavailable', 'away', undefined)) : changeKey(...change),
    });
    await expect(at.run(retierBucket)).rejects.toThrow(/away/);
    expect(at.reports.flatMap(({ failures = [] }) => failures)).toEqual([]);
    Object.assign(index, { changeKey });
    await sweepAll(at.platform, at.bucket.id);
    expect(await at.run(retierBucket)).toEqual({ state: 'completed' });
    expect(await at.classes()).toEqual({ 'Cold COLD': KEYS.length });
  });

  it('names what it could not change, and changes that the next time', async () => {
    await at.setPolicy('Cold');
    const denied = new BackendError('denied', 'no', { backend: 'm1' });
    at.platform.fault = { operation: 'restamp', phase: 'before', error: denied };
    expect(await at.run(retierBucket)).toMatchObject({ state: 'failed' });
    expect(at.reports.flatMap(({ failures = [] }) => failures)).toHaveLength(1);
    expect(at.last?.counts.objects).toEqual({ total: KEYS.length, done: KEYS.length - 1, failed: 1 });
    expect(await at.run(retierBucket)).toEqual({ state: 'completed' });
    expect(await at.classes()).toEqual({ 'Cold COLD': KEYS.length });
  });
});

describe.each(TOKEN_KINDS)('encrypting what lies in a bucket on tokens %s', (tokens) => {
  let at: World;
  beforeEach(async () => {
    at = await World.make(tokens);
  });

  it('encrypts what lies plain when it is asked to, twice as once, keeping what objects are', async () => {
    const before = await at.record('k/000');
    await expect(at.run(encryptObjects)).rejects.toMatchObject({ code: 'invalid-request' });
    await encryptBucket(at.platform.engine, at.bucket, true);
    const bucket = await at.current();
    await write(at.platform, bucket, 'k/002', 'sealed by now');
    expect(await at.run(encryptObjects)).toEqual({ state: 'completed' });
    expect(at.last?.counts.objects).toEqual({ total: KEYS.length - 1, done: KEYS.length - 1, failed: 0 });
    for (const key of KEYS) {
      const record = await at.record(key);
      expect(record?.sealing).toBeDefined();
      const text = key === 'k/002' ? 'sealed by now' : `bytes of ${key}`;
      expect(await read(at.platform, bucket, key)).toBe(text);
    }
    const { etag, size, lastModified, tier, metadata } = (await at.record('k/000')) ?? {};
    expect({ etag, size, lastModified, tier, metadata }).toEqual({
      ...{ etag: before?.etag, size: before?.size, lastModified: before?.lastModified },
      ...{ tier: 'Warm', metadata: before?.metadata },
    });
    at.platform.vendorCalls.length = 0;
    expect(await at.run(encryptObjects)).toEqual({ state: 'completed' });
    expect(at.platform.vendorCalls).toEqual([]);
    await sweepAll(at.platform, bucket.id);
    expect((await holdings(at.platform)).filter((line) => line.includes('/k/'))).toHaveLength(KEYS.length);
  });

  it.each(['intent-recorded', 'bytes-sent'])(
    'seals also what a client gave other metadata at the point %s',
    async (between) => {
      await encryptBucket(at.platform.engine, at.bucket, true);
      const bucket = await at.current();
      let isChanged = false;
      at.atPoint = async (point, about) => {
        if (point !== (tokens === 'none' ? 'committed' : between) || about !== 'k/001' || isChanged) return;
        isChanged = true;
        const attributes = { metadata: { a: 'b' } };
        // Where writes replace, the bytes that it would change are gone by then.
        await restampObject(at.platform.engine, ACTOR, { bucket, key: 'k/001', attributes }).catch((error: unknown) => {
          if (!isObjectsError(error, 'changed-meanwhile')) throw error;
        });
      };
      expect(await at.run(encryptObjects)).toEqual({ state: 'completed' });
      const record = await at.record('k/001');
      expect(record?.sealing).toBeDefined();
      expect(await read(at.platform, bucket, 'k/001')).toBe('bytes of k/001');
    },
  );

  it('lets every write of a client stand that comes between the bytes and their commit', async () => {
    await encryptBucket(at.platform.engine, at.bucket, true);
    const bucket = await at.current();
    // Where nothing names a write, a lease lets nobody come between.
    const between = tokens === 'none' ? 'committed' : 'bytes-sent';
    let isWritten = false;
    at.atPoint = async (point, about) => {
      if (point !== between || about !== 'k/001' || isWritten) return;
      isWritten = true;
      await write(at.platform, bucket, 'k/001', 'new');
    };
    expect(await at.run(encryptObjects)).toEqual({ state: 'completed' });
    expect(isWritten).toBe(true);
    expect(await read(at.platform, bucket, 'k/001')).toBe('new');
    await sweepAll(at.platform, bucket.id);
    expect(await read(at.platform, bucket, 'k/001')).toBe('new');
    expect((await holdings(at.platform)).filter((line) => line.includes('/k/'))).toHaveLength(KEYS.length);
  });
});
