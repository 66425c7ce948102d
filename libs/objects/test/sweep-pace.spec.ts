import { describe, expect, it } from '@jest/globals';
import type { MemoryGate } from '#libs/backends';
import type { BucketDocument, BucketId } from '#libs/metadata';
import { createBucket, Sweeper, type SweepReport } from '../src/index.js';
import { read, write } from './simulation/clients.js';
import { ACTOR, holdings, makePlatform, type Platform } from './simulation/platform.js';

/** The sweep keeps up with many writers: what a piece of garbage costs does not grow with how many there are, and none waits for all others (invariant 3). */
async function stand(gate?: MemoryGate): Promise<{ platform: Platform; bucket: () => Promise<BucketDocument> }> {
  const platform = makePlatform({ tokens: { m1: 'version' }, ...(gate ? { gate } : {}) });
  const { id } = (await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' })).bucket;
  return { platform, bucket: async () => (await platform.index.getBucket(id))?.value ?? none(id) };
}

function none(id: BucketId): never {
  throw new Error(`no bucket ${id}`);
}

async function overwrite(platform: Platform, bucket: BucketDocument, keys: readonly string[]): Promise<void> {
  for (const text of ['first', 'second']) for (const key of keys) await write(platform, bucket, key, text);
}

/** Counts the calls to the index while `work` runs. */
async function indexCalls(platform: Platform, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const calls: Record<string, number> = {};
  const { index } = platform;
  const counted = new Proxy(index, {
    get: (target, name, receiver) => {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function') return value;
      return (...given: readonly unknown[]): unknown => {
        calls[String(name)] = (calls[String(name)] ?? 0) + 1;
        return Reflect.apply(value, target, given);
      };
    },
  });
  Object.assign(platform.engine, { index: counted });
  await work().finally(() => Object.assign(platform.engine, { index }));
  return calls;
}

function sweep({ engine }: Platform): Promise<SweepReport> {
  return new Sweeper(engine).run(ACTOR);
}

describe('a sweep', () => {
  it('takes many pieces of one key out of its document together, and looks once whose the container is', async () => {
    const { platform, bucket } = await stand();
    for (let n = 0; n <= 200; n += 1) await write(platform, await bucket(), 'key', `text ${n}`);
    platform.time.now += 61_000;
    platform.vendorCalls.length = 0;
    const calls = await indexCalls(platform, async () => {
      expect(await sweep(platform)).toMatchObject({ garbageDeleted: 200, failures: [] });
    });
    expect(calls['changeKey']).toBe(Math.ceil(200 / 64));
    expect(platform.vendorCalls.filter((call) => call === 'delete')).toHaveLength(200);
    expect(platform.vendorCalls.filter((call) => call === 'get')).toHaveLength(1);
    expect(await platform.index.listPending({ limit: 10 })).toEqual([]);
    expect(await holdings(platform)).toHaveLength(3);
    expect(await read(platform, await bucket(), 'key')).toBe('text 200');
  });

  it('forgets the pieces that went before one that failed, and takes the rest the next time', async () => {
    const { platform, bucket } = await stand();
    for (let n = 0; n <= 10; n += 1) await write(platform, await bucket(), 'key', `text ${n}`);
    platform.time.now += 61_000;
    let nth = 0;
    const failing = (): void => {
      nth += 1;
      if (nth === 5) throw new Error('the process ends here, as it were');
    };
    Object.assign(platform.engine, { reach: failing });
    expect((await sweep(platform)).failures).toHaveLength(1);
    const [left] = await platform.index.listPending({ limit: 10 });
    expect(left?.value.garbage).toHaveLength(6);
    expect(await sweep(platform)).toMatchObject({ garbageDeleted: 6, failures: [] });
    expect(await holdings(platform)).toHaveLength(3);
  });

  it('deletes at several keys at once', async () => {
    let waiting = 0;
    let letGo = (): void => undefined;
    const bothThere = new Promise<void>((resolve) => (letGo = resolve));
    const { platform, bucket } = await stand(async ({ operation, phase }) => {
      if (operation !== 'delete' || phase !== 'before') return;
      waiting += 1;
      if (waiting === 2) letGo();
      await bothThere;
    });
    await overwrite(platform, await bucket(), ['a', 'b', 'c']);
    platform.time.now += 61_000;
    expect(await sweep(platform)).toMatchObject({ documents: 3, garbageDeleted: 3, failures: [] });
  });

  it('asks nothing about keys whose grace is not over', async () => {
    const { platform, bucket } = await stand();
    await overwrite(platform, await bucket(), ['a', 'b', 'c']);
    platform.vendorCalls.length = 0;
    const calls = await indexCalls(platform, async () => {
      expect(await sweep(platform)).toMatchObject({ documents: 3, garbageDeleted: 0 });
    });
    expect([calls, platform.vendorCalls]).toEqual([{ listPending: 1 }, []]);
  });
});
