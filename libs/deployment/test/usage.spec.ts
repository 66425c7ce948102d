import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createBucket, deleteBucket, type OperationContext } from '#libs/objects';
import { UsageCounters, usageRound, type OpenDeployment, type RequestKind } from '../src/index.js';
import { systemClock } from '../src/runtime/system-clock.js';
import { Client } from './objects.js';
import { administrator, MovableClock, Stand } from './stand.js';

const DAY = 86_400_000;
const KINDS: readonly RequestKind[] = ['reads', 'writes', 'lists'];

describe('what is used', () => {
  const stand = new Stand();
  const clock = new MovableClock(systemClock(() => undefined));
  // Noon of tomorrow (UTC): no day ends in the middle of a test.
  clock.move(1.5 * DAY - (clock.now() % DAY));
  let deployment: OpenDeployment;
  let context: OperationContext;
  const count = () => usageRound({ ...deployment, keptMs: 400 * DAY }, new AbortController().signal);
  const client = (bucket: string) => new Client(deployment, context, bucket);
  const by = async (dimension: 'bucket' | 'tier' | 'backend' | 'owner') =>
    Object.fromEntries((await deployment.usage.list(dimension, { limit: 100 })).items.map((item) => [item.name, item]));

  beforeAll(async () => {
    await stand.start();
    deployment = await stand.fresh({}, { clock });
    context = await administrator(deployment);
    await deployment.backends.register('test', {
      name: 'second',
      type: 'filesystem',
      options: { path: stand.path('second') },
    });
    await createBucket(deployment.engine, context, { name: 'gold', backend: 'local', policy: 'Gold' });
    await createBucket(deployment.engine, context, { name: 'plain', backend: 'second' });
    await createBucket(deployment.engine, context, { name: 'empty', backend: 'second' });
    for (let n = 0; n < 5; n += 1) await client('gold').put(`k${n}`, 'x'.repeat(n));
    await client('gold').remove('k0');
    await client('plain').put('one', 'twelve bytes');
    await client('plain').put('one', 'and now more');
  });
  afterAll(() => stand.dispose());

  it('is unknown before the first count, and says so', async () => {
    const { gold } = await by('bucket');
    expect(gold).toMatchObject({ objects: 0, countedAt: null, uncountedBuckets: 1 });
  });

  it('is what lies there, by each dimension', async () => {
    expect(await count()).toBe(3);
    const counted = { countedAt: expect.any(String), uncountedBuckets: 0 };
    expect(await by('bucket')).toMatchObject({
      gold: { objects: 4, bytes: 10, ...counted },
      plain: { objects: 1, bytes: 12, ...counted },
      empty: { objects: 0, bytes: 0, ...counted },
    });
    expect(await by('tier')).toMatchObject({ Gold: { objects: 4, bytes: 10 }, '(none)': { objects: 1, bytes: 12 } });
    expect(await by('backend')).toMatchObject({ local: { objects: 4 }, second: { objects: 1, bytes: 12 } });
    expect(await by('owner')).toMatchObject({ root: { objects: 5, bytes: 22 } });
    expect(Object.keys(await by('owner'))).toEqual(['root']);
  });

  it('is given in pages, in the order of names', async () => {
    const first = await deployment.usage.list('bucket', { limit: 2 });
    expect([first.items.map(({ name }) => name), first.next]).toEqual([['empty', 'gold'], 'gold']);
    const last = await deployment.usage.list('bucket', { limit: 2, after: 'gold' });
    expect([last.items.map(({ name }) => name), last.next]).toEqual([['plain'], undefined]);
  });

  it('has a price where the table has one, and says where not', async () => {
    expect((await by('bucket'))['gold']?.estimate).toEqual({
      ...{ currency: 'USD', storage: 0, requests: 0, total: 0 },
      unpriced: ['filesystem STANDARD'],
    });
    const row = { vendor: 'filesystem', storageClass: 'standard', gibMonth: 1_000_000, thousandWrites: 1000 };
    await deployment.usage.setPrices({ currency: 'EUR', asOf: '2026-01-31', prices: [row] });
    deployment.counters.request('gold', 'writes', 10, 0);
    deployment.counters.request('gold', 'lists', 0, 0);
    await deployment.controlPlane.usage.addRequests(clock.now(), deployment.counters.take());
    expect((await by('bucket'))['gold']).toMatchObject({
      requests: { reads: 0, writes: 1, lists: 1, bytesIn: 10, bytesOut: 0 },
      estimate: { currency: 'EUR', storage: 0.0093, requests: 2, total: 2.0093, unpriced: [] },
    });
    await expect(deployment.usage.setPrices({ currency: 'euro', prices: [{ vendor: 'x' }] })).rejects.toMatchObject({
      code: 'invalid-prices',
      violations: [{ path: 'currency' }, { path: 'asOf' }, { path: 'prices.0.vendor' }],
    });
    await deployment.usage.resetPrices();
    expect((await deployment.usage.prices()).currency).toBe('USD');
  });

  it('is kept day by day, counted anew within a day, and forgotten in the end', async () => {
    const day = (offset: number): string => new Date(clock.now() + offset * DAY).toISOString().slice(0, 10);
    const today = day(0);
    await client('gold').put('more', 'x'.repeat(90));
    await deployment.usage.count('gold');
    const history = async (query: object) => (await deployment.usage.history('bucket', { limit: 10, ...query })).items;
    expect(await history({ name: 'gold' })).toMatchObject([{ day: today, objects: 5, bytes: 100, writes: 1 }]);
    clock.move(DAY);
    await client('gold').remove('more');
    await count();
    expect(await history({ name: 'gold' })).toMatchObject([
      { day: today, objects: 5, bytes: 100 },
      { day: day(0), objects: 4, bytes: 10, writes: 0 },
    ]);
    expect(await history({ from: day(0), to: day(0) })).toMatchObject([{ day: day(0), objects: 5, bytes: 22 }]);
    expect(await history({ limit: 1, after: today })).toMatchObject([{ day: day(0) }]);
    for (const [dimension, name, objects] of [
      ['tier', 'Gold', 4],
      ['backend', 'second', 1],
      ['owner', 'root', 5],
    ] as const) {
      const { items } = await deployment.usage.history(dimension, { limit: 10, name, from: day(0) });
      expect(items).toMatchObject([{ objects }]);
    }
    expect(await deployment.controlPlane.usage.prune(clock.now())).toBeGreaterThan(0);
    expect(await history({ name: 'gold' })).toHaveLength(1);
  });

  it('forgets a bucket that has gone, but not what it used', async () => {
    const empty = (await deployment.engine.index.findBucket('empty'))?.value;
    if (empty) await deleteBucket(deployment.engine, context, empty.id);
    await client('plain').remove('one');
    await deployment.usage.count('plain');
    expect(Object.keys(await by('bucket'))).toEqual(['gold', 'plain']);
    expect((await by('bucket'))['plain']).toMatchObject({ objects: 0, bytes: 0 });
    await expect(deployment.usage.count('empty')).rejects.toMatchObject({ code: 'no-such-bucket' });
    expect((await deployment.usage.history('bucket', { limit: 10, name: 'empty' })).items).toHaveLength(1);
  });

  it('counts requests of many processes together, and those of backends by their calls', async () => {
    const deltas = (reads: number) => ({
      buckets: new Map([['gold', { reads, writes: 0, lists: 0, bytesIn: 0, bytesOut: reads * 10 }]]),
      backends: new Map([['gone', { reads: 9, writes: 9, lists: 9, bytesIn: 9, bytesOut: 9 }]]),
    });
    await Promise.all([1, 2, 3, 4].map((n) => deployment.controlPlane.usage.addRequests(clock.now(), deltas(n))));
    expect((await by('bucket'))['gold']?.requests).toMatchObject({ reads: 10, bytesOut: 100 });
    const before = (await by('backend'))['local']?.requests.reads ?? 0;
    deployment.counters.take();
    await client('gold').get('k3');
    await deployment.controlPlane.usage.addRequests(clock.now(), deployment.counters.take());
    const { local, gone } = await by('backend');
    expect(local?.requests.reads).toBe(before + 1);
    expect(gone).toBeUndefined();
  });
});

describe('counters of requests', () => {
  it('lose and invent nothing, however often they are taken and given back', () => {
    const request = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(...KINDS), fc.nat(99), fc.nat(99));
    const step = fc.oneof(request, fc.constantFrom('give back' as const, 'keep' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const counters = new UsageCounters();
        const expected = new Map<string, number[]>();
        const kept = new Map<string, number[]>();
        const keep = () => {
          for (const [name, { reads, writes, lists, bytesIn, bytesOut }] of counters.take().buckets)
            kept.set(
              name,
              [reads, writes, lists, bytesIn, bytesOut].map((n, at) => n + (kept.get(name)?.[at] ?? 0)),
            );
        };
        for (const one of steps) {
          if (one === 'keep') keep();
          else if (one === 'give back') counters.giveBack(counters.take());
          else {
            const [name, kind, bytesIn, bytesOut] = one;
            counters.request(name, kind, bytesIn, bytesOut);
            const more = [...KINDS.map((other) => Number(other === kind)), bytesIn, bytesOut];
            expected.set(
              name,
              more.map((n, at) => n + (expected.get(name)?.[at] ?? 0)),
            );
          }
        }
        keep();
        expect(Object.fromEntries(kept)).toEqual(Object.fromEntries(expected));
      }),
    );
  });

  it('are bounded, whatever names are made up', () => {
    const counters = new UsageCounters();
    for (let n = 0; n < 60_000; n += 1) counters.request(`bucket-${n}`, 'reads', 0, 0);
    expect(counters.take().buckets.size).toBe(50_000);
  });
});
