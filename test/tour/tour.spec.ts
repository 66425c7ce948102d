import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunningSpumoni } from '../system/running-spumoni.js';
import { runTour } from './run-tour.js';

describe('the tour of the README', () => {
  let spumoni: RunningSpumoni;
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start();
  }, 120_000);
  afterAll(() => spumoni.stop(), 60_000);

  it('does the seven jobs on directories alone, every answer as the page shows', async () => {
    const { accessKey, secretKey } = spumoni.credentials;
    const steps = await runTour({ page: 'README.md', url: spumoni.url, keys: `${accessKey}:${secretKey}` });
    expect(steps).toBeGreaterThan(0);
  }, 120_000);
});
