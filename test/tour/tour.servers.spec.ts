import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { findServer } from '../servers/index.js';
import { RunningSpumoni } from '../system/running-spumoni.js';
import { runTour } from './run-tour.js';
import { startTourServers, type TourServers } from './tour-servers.js';

const absent = (['minio', 'azurite', 'fake-gcs-server'] as const).filter((name) => !findServer(name));
const reason = absent.length === 0 ? '' : ` [skipped: not installed: ${absent.join(', ')}]`;
const onServers = absent.length === 0 ? it : it.skip;

describe('with three clouds', () => {
  let servers: TourServers | undefined;
  let spumoni: RunningSpumoni | undefined;
  beforeAll(async () => {
    if (absent.length === 0) servers = await startTourServers();
  }, 120_000);
  afterAll(() => servers?.stop(), 60_000);
  beforeEach(async () => {
    spumoni = await RunningSpumoni.start();
  }, 120_000);
  afterEach(() => spumoni?.stop(), 60_000);

  for (const page of ['README.md', 'docs/guides/backends.md', 'docs/guides/adopt.md'])
    onServers(
      `the commands of ${page} answer as it shows, step by step${reason}`,
      async () => {
        if (!servers || !spumoni) throw new Error('nothing was started');
        const { accessKey, secretKey } = spumoni.credentials;
        const tour = { page, url: spumoni.url, keys: `${accessKey}:${secretKey}`, servers: servers.environment };
        expect(await runTour(tour)).toBeGreaterThan(0);
      },
      300_000,
    );
});
