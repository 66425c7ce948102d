import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findServer } from '../servers/index.js';
import { RunningSpumoni } from '../system/running-spumoni.js';
import { runTour } from './run-tour.js';
import { startTourServers, type TourServers } from './tour-servers.js';

const absent = (['minio', 'azurite', 'fake-gcs-server'] as const).filter((name) => !findServer(name));
const reason = absent.length === 0 ? '' : ` [skipped: not installed: ${absent.join(', ')}]`;

(absent.length === 0 ? describe : describe.skip)(`the tour of the README with three clouds${reason}`, () => {
  let servers: TourServers;
  let spumoni: RunningSpumoni;
  beforeAll(async () => {
    servers = await startTourServers();
    spumoni = await RunningSpumoni.start();
  }, 120_000);
  afterAll(async () => {
    await spumoni.stop();
    await servers.stop();
  }, 60_000);

  it('answers as the page shows, step by step', async () => {
    const { accessKey, secretKey } = spumoni.credentials;
    const tour = {
      page: 'README.md',
      url: spumoni.url,
      keys: `${accessKey}:${secretKey}`,
      servers: servers.environment,
    };
    expect(await runTour(tour)).toBeGreaterThan(0);
  }, 300_000);
});
