import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSeed } from './seeded.js';
import { contend, untilNothingElseIsLeft } from './two-writers/contend.js';
import { TwoDeployments } from './two-writers/two-deployments.js';
import { isInstalled, startVendor, type VendorServer } from './vendor-servers.js';

describe.each(['minio', 'moto', 'azurite', 'fake-gcs-server'] as const)(
  'two free-running writers of one key on %s (invariant 5)',
  (name) => {
    if (!isInstalled(name)) return;
    let server: VendorServer | undefined;
    let world: TwoDeployments | undefined;
    const seed = newSeed();
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
