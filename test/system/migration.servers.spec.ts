import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerName } from '../servers/index.js';
import { Journey } from './migration/journey.js';
import { RunningSpumoni } from './running-spumoni.js';
import { seedOfThisRun } from '../seed.mjs';
import { isInstalled, openDirect, startVendor, type BackendBody, type VendorServer } from './vendor-servers.js';

const GIB = 1024 * 1024 * 1024;
const EXTENT = { objects: 2_000, bytes: GIB, large: 4 };
const QUICK = { SPUMONI_GARBAGE_GRACE_SECONDS: '2', SPUMONI_SWEEP_SECONDS: '1' };
const VENDORS = ['minio', 'azurite', 'fake-gcs-server'] as const satisfies readonly ServerName[];

/** The containers that the vendor itself says it has. */
async function containersAt(body: BackendBody): Promise<string[]> {
  const backend = await openDirect(body);
  try {
    return (await backend.listContainers({ requestId: 'check' })).map(({ name }) => name);
  } finally {
    await backend.close();
  }
}

/** Acceptance 4: the legs are one journey of one bucket, so each test goes on where the one before it stopped. */
describe('a bucket of 2,000 objects and 1 GiB on its way through the clouds, while a client works', () => {
  if (!VENDORS.every(isInstalled)) return;
  let spumoni: RunningSpumoni | undefined;
  let journey: Journey | undefined;
  const servers: VendorServer[] = [];
  const seed = seedOfThisRun();
  const onItsWay = (): Journey => journey ?? fail('the bucket was not filled');
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start({ environment: QUICK });
    for (const name of VENDORS) {
      const server = await startVendor(name);
      servers.push(server);
      await spumoni.client().expect(201, 'POST', '/admin/v1/backends', { json: server.body });
    }
  }, 200_000);
  afterAll(async () => {
    await spumoni?.stop();
    await Promise.all(servers.map((server) => server.stop()));
  }, 60_000);

  it(`is filled on the filesystem (seed ${seed})`, async () => {
    const begun = new Journey((spumoni ?? fail('not running')).client(), 'travelling-bucket', seed);
    await begun.begin({ type: 'filesystem', backend: 'local' }, EXTENT);
    journey = begun;
  }, 300_000);

  it.each([...VENDORS, 'local'])(
    'moves to %s, and nothing is lost or left behind',
    async (to) => {
      const before = await onItsWay().containers();
      const { operations, moved } = await onItsWay().leg(to);
      expect(operations).toBeGreaterThan(0);
      expect(moved).toBeGreaterThan(1_000);
      const source = servers.find((server) => server.body.name === before[0]?.backend);
      if (source) expect(await containersAt(source.body)).toEqual([]);
    },
    600_000,
  );

  it('has left no answer in doubt', () => {
    expect(onItsWay().objects.doubts).toEqual([]);
  });
});

function fail(message: string): never {
  throw new Error(message);
}
