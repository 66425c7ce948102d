import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findProgram, startFerretDb, startRedis } from '../servers/index.js';
import { seedOfThisRun } from '../seed.mjs';
import { contend, untilNothingElseIsLeft } from './two-writers/contend.js';
import { TwoDeployments } from './two-writers/two-deployments.js';
import { isInstalled, startVendor, type BackendBody, type VendorServer } from './vendor-servers.js';

describe.each(['minio', 'moto', 'azurite', 'fake-gcs-server'] as const)(
  'two free-running writers of one key on %s (invariant 5)',
  (name) => {
    if (!isInstalled(name)) return;
    let server: VendorServer | undefined;
    let world: TwoDeployments | undefined;
    const seed = seedOfThisRun();
    beforeAll(async () => {
      server = await startVendor(name);
      world = await TwoDeployments.open(server.body);
    }, 60_000);
    afterAll(async () => {
      await world?.close();
      await server?.stop();
    });

    it(`agree for 1,000 rounds, and leave nothing behind (seed ${seed})`, async () => {
      if (!world) throw new Error('not open');
      const tally = await contend(world, 1_000, seed);
      expect(tally['put done']).toBeGreaterThan(100);
      await untilNothingElseIsLeft(world, 60_000);
    }, 600_000);
  },
);

describe.each(['minio', 'filesystem'] as const)(
  'two free-running writers of one key on %s, their index on MongoDB, their queue on Redis where installed (invariant 5)',
  (name) => {
    if (!isInstalled('ferretdb') || (name === 'minio' && !isInstalled('minio'))) return;
    let stops: (() => Promise<unknown>)[] = [];
    let world: TwoDeployments;
    const seed = seedOfThisRun();
    beforeAll(async () => {
      const mongo = await startFerretDb();
      const path = await mkdtemp(join(tmpdir(), 'spumoni-disk-'));
      stops = [() => mongo.stop(), () => rm(path, { recursive: true, force: true })];
      const disk: BackendBody = { name: 'disk', type: 'filesystem', credentials: {}, options: { path } };
      const server = name === 'minio' ? await startVendor(name) : undefined;
      if (server) stops.push(() => server.stop());
      const redis = findProgram('redis-server') ? await startRedis() : undefined;
      if (redis) stops.push(() => redis.stop());
      world = await TwoDeployments.open(server?.body ?? disk, {
        SPUMONI_MONGODB_URL: mongo.endpoint,
        ...(redis ? { SPUMONI_REDIS_URL: redis.url } : {}),
      });
      stops.unshift(() => world.close());
    }, 60_000);
    afterAll(async () => {
      for (const stop of stops) await stop();
    });

    it(`agree for 200 rounds, and leave nothing behind (seed ${seed})`, async () => {
      const tally = await contend(world, 200, seed);
      expect(tally['put done']).toBeGreaterThan(20);
      await untilNothingElseIsLeft(world, 60_000);
    }, 300_000);
  },
);
