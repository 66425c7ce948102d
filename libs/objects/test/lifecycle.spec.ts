import { describe, expect, it, jest } from '@jest/globals';
import { BackendError, TOKEN_KINDS, type TokenKind } from '#libs/backends';
import { IndexError, type BucketDocument, type ObjectRecord } from '#libs/metadata';
import type { LifecycleRule } from '#libs/tiering';
import { createBucket, runLifecycle, type JobEnd } from '../src/index.js';
import { read, write } from './simulation/clients.js';
import { ACTOR, holdings, makePlatform, sweepAll, type Platform } from './simulation/platform.js';

const DAY = 24 * 60 * 60_000;
const KEYS = Array.from({ length: 8 }, (_, i) => `logs/${i}`);

const expire: LifecycleRule = { id: 'expire', enabled: true, filter: { prefix: 'logs/' }, expiration: { days: 1 } };
const elsewhere: LifecycleRule = {
  id: 'elsewhere',
  enabled: true,
  filter: { prefix: 'logs/' },
  transitions: [{ days: 1, backend: 'm2', storageClass: 'STANDARD' }],
};

interface Run {
  readonly platform: Platform;
  readonly bucket: BucketDocument;
  run(rule: LifecycleRule): Promise<JobEnd>;
}

async function setUp(tokens: TokenKind): Promise<Run> {
  // The memory backend knows no class of Azure's.
  const platform = makePlatform({ tokens: { m1: tokens, m2: tokens === 'etag' ? 'version' : tokens } });
  const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' });
  for (const key of [...KEYS, 'kept']) await write(platform, bucket, key, `bytes of ${key}`);
  platform.time.now += 3 * DAY;
  const run = (rule: LifecycleRule): Promise<JobEnd> =>
    runLifecycle(platform.engine, ACTOR, {
      bucketId: bucket.id,
      rules: [rule],
      parallel: 4,
      reporter: { report: () => Promise.resolve('run') },
    });
  return { platform, bucket, run };
}

async function recordOf({ platform, bucket }: Run, key: string): Promise<ObjectRecord | undefined> {
  return (await platform.index.getKey({ bucket: bucket.id, key }))?.value.current;
}

describe.each(TOKEN_KINDS)('a lifecycle run on tokens %s', (tokens) => {
  it('expires what is due and nothing else, twice as once', async () => {
    const at = await setUp(tokens);
    for (let time = 0; time < 2; time += 1) {
      expect(await at.run(expire)).toEqual({ state: 'completed' });
      for (const key of KEYS) expect(await read(at.platform, at.bucket, key)).toBeUndefined();
      expect(await read(at.platform, at.bucket, 'kept')).toBe('bytes of kept');
    }
    await sweepAll(at.platform, at.bucket.id);
    expect((await holdings(at.platform)).filter((line) => line.includes('/logs/'))).toEqual([]);
  });

  it('leaves alone what a client replaced since the rules were read', async () => {
    const at = await setUp(tokens);
    const list = at.platform.index.scan.bind(at.platform.index);
    let isReplaced = false;
    Object.assign(at.platform.index, {
      scan: async (...request: Parameters<typeof list>) => {
        const page = await list(...request);
        if (!isReplaced) await write(at.platform, at.bucket, 'logs/3', 'new');
        isReplaced = true;
        return page;
      },
    });
    expect(await at.run(expire)).toEqual({ state: 'completed' });
    expect(await read(at.platform, at.bucket, 'logs/3')).toBe('new');
    expect(await read(at.platform, at.bucket, 'logs/4')).toBeUndefined();
  });

  it.each([
    ['expiring', expire],
    ['moving', elsewhere],
  ] as const)(
    'counts no object as failed when the index is away while %s, and goes on once it is back',
    async (_, rule) => {
      const at = await setUp(tokens);
      const change = at.platform.index.changeKey.bind(at.platform.index);
      let changes = 0;
      Object.assign(at.platform.index, {
        changeKey: async (...request: Parameters<typeof change>) => {
          changes += 1;
          if (changes === 3) throw new IndexError('unavailable', 'away');
          return change(...request);
        },
      });
      await expect(at.run(rule)).rejects.toThrow(/away|unknown|may or may not/);
      await sweepAll(at.platform, at.bucket.id);
      expect(await at.run(rule)).toEqual({ state: 'completed' });
      const placed = await Promise.all(KEYS.map(async (key) => (await recordOf(at, key))?.placement.backend));
      expect(placed).toEqual(KEYS.map(() => (rule === expire ? undefined : 'm2')));
    },
  );

  it('tries an object again whose backend did not answer once; where that is still to be settled, the next run does', async () => {
    const at = await setUp(tokens);
    const backend = at.platform.backends['m2'];
    if (!backend) throw new Error('no second backend');
    const put = backend.put.bind(backend);
    let puts = 0;
    const slow = jest.spyOn(backend, 'put').mockImplementation(async (...request) => {
      puts += 1;
      if (puts === 3) throw new BackendError('timeout', 'no answer came', { backend: 'm2' });
      return put(...request);
    });
    const isSettled = tokens === 'id' || tokens === 'generation';
    expect(await at.run(elsewhere)).toMatchObject({ state: isSettled ? 'completed' : 'failed' });
    slow.mockRestore();
    if (!isSettled) {
      for (const one of Object.values(at.platform.backends)) one.endProcess();
      await sweepAll(at.platform, at.bucket.id);
      expect(await at.run(elsewhere)).toEqual({ state: 'completed' });
    }
    for (const key of KEYS) expect((await recordOf(at, key))?.placement.backend).toBe('m2');
    for (const key of KEYS) expect(await read(at.platform, at.bucket, key)).toBe(`bytes of ${key}`);
  });

  it('moves to another backend, making one container there though many objects want it at once, twice as once', async () => {
    const at = await setUp(tokens);
    expect(await at.run(elsewhere)).toEqual({ state: 'completed' });
    const moved = await Promise.all(KEYS.map((key) => recordOf(at, key)));
    expect(moved.map((record) => record?.placement.backend)).toEqual(KEYS.map(() => 'm2'));
    expect((await at.platform.backends['m2']?.listContainers(ACTOR))?.length).toBe(1);
    expect(await at.run(elsewhere)).toEqual({ state: 'completed' });
    expect(await Promise.all(KEYS.map((key) => recordOf(at, key)))).toEqual(moved);
    expect((await recordOf(at, 'kept'))?.placement.backend).toBe('m1');
    await sweepAll(at.platform, at.bucket.id);
    for (const key of KEYS) expect(await read(at.platform, at.bucket, key)).toBe(`bytes of ${key}`);
    expect((await holdings(at.platform)).filter((line) => line.startsWith('m1/bucket/logs/'))).toEqual([]);
  });
});
