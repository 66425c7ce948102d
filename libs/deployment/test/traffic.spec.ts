import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BucketId, BucketLimits, ConfigurationSnapshot, LoadLimits } from '#libs/metadata';
import { isObjectsError, type Actor } from '#libs/objects';
import { Traffic } from '../src/limits/traffic.js';

const ADA: Actor = { userId: 'ada', isAdmin: false };
const BOB: Actor = { userId: 'bob', isAdmin: false };
const ROOT: Actor = { userId: 'root', isAdmin: true };

interface World {
  readonly traffic: Traffic;
  at: number;
}

function makeWorld(limits: { user?: LoadLimits; bucket?: LoadLimits }, processes = 1): World {
  const ofBucket: BucketLimits = { ...limits.bucket, id: 'b1' as BucketId, ownerId: 'ada' };
  const snapshot: ConfigurationSnapshot = {
    ...{ revision: '1', backends: [], tiers: [], users: [], keys: [], masterKeys: [] },
    ...{ backendById: new Map(), backendByName: new Map(), userById: new Map(), keyById: new Map() },
    bucketLimits: new Map(limits.bucket ? [['photos', ofBucket]] : []),
    userLimits: new Map(limits.user ? [['ada', limits.user]] : []),
  };
  const world: { at: number; traffic?: Traffic } = { at: 0 };
  world.traffic = new Traffic({ snapshot: () => snapshot, monotonic: () => world.at, processes });
  return world as World;
}

/** 0 if admitted, else the seconds that were asked for. */
function ask({ traffic }: World, actor: Actor, bucket?: string): number {
  try {
    traffic.admit(actor, bucket);
    return 0;
  } catch (error) {
    if (!isObjectsError(error, 'rate-limited')) throw error;
    return error.retryAfterSeconds ?? NaN;
  }
}

describe('rates', () => {
  it.each([1, 2, 4])(
    'allow a second’s worth at once and never more than the limit over time, of which each of %d processes has its share',
    (processes) => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 50 }),
          fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 200 }),
          (rate, pauses) => {
            const world = makeWorld({ user: { requestsPerSecond: rate } }, processes);
            let admitted = 0;
            for (const pause of pauses) {
              world.at += pause;
              if (ask(world, ADA) === 0) admitted += 1;
            }
            const share = rate / processes;
            expect(admitted).toBeLessThanOrEqual(Math.max(1, share) + (world.at / 1_000) * share + 1e-6);
          },
        ),
      );
    },
  );

  it('let in who comes again after the time that was told', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 60 }), (rate, requests) => {
        const world = makeWorld({ user: { requestsPerSecond: rate } });
        for (let sent = 0; sent < requests; sent += 1) {
          const wait = ask(world, ADA);
          world.at += wait * 1_000;
          if (wait > 0) expect(ask(world, ADA)).toBe(0);
        }
      }),
    );
  });

  it('of bytes take what went, and make the next wait until it is paid for', () => {
    const world = makeWorld({ bucket: { bytesPerSecond: 1_000 } });
    expect(ask(world, ADA, 'photos')).toBe(0);
    world.traffic.spent(ADA, 'photos', 5_000);
    expect(ask(world, ADA, 'photos')).toBe(5);
    world.at += 4_100;
    expect(ask(world, ADA, 'photos')).toBe(0);
  });

  it('of a bucket hold for its owner and administrators together, and strangers spend nothing of it', () => {
    const world = makeWorld({ bucket: { requestsPerSecond: 2 } });
    for (let sent = 0; sent < 100; sent += 1) expect(ask(world, BOB, 'photos')).toBe(0);
    expect([ask(world, ADA, 'photos'), ask(world, ROOT, 'photos'), ask(world, ADA, 'photos')]).toEqual([0, 0, 1]);
    expect(ask(world, ADA, 'other')).toBe(0);
  });

  it('of user and bucket both hold; a request that one refuses takes nothing from the other', () => {
    const world = makeWorld({ user: { requestsPerSecond: 3 }, bucket: { requestsPerSecond: 1 } });
    expect(ask(world, ADA, 'photos')).toBe(0);
    for (let sent = 0; sent < 10; sent += 1) expect(ask(world, ADA, 'photos')).toBe(1);
    expect([ask(world, ADA), ask(world, ADA), ask(world, ADA)]).toEqual([0, 0, 1]);
  });
});
