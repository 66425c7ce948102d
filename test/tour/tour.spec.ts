import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunningSpumoni } from '../system/running-spumoni.js';
import { runTour } from './run-tour.js';

/** Pages that show commands and their real answers; those of a page build on each other, and no page on another. */
const PAGES = ['README.md'];

describe.each(PAGES)('the commands of %s', (page) => {
  let spumoni: RunningSpumoni;
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start();
  }, 120_000);
  afterAll(() => spumoni.stop(), 60_000);

  it('answer as the page shows, on a filesystem alone', async () => {
    const { accessKey, secretKey } = spumoni.credentials;
    const steps = await runTour({ page, url: spumoni.url, keys: `${accessKey}:${secretKey}` });
    expect(steps).toBeGreaterThan(0);
  }, 120_000);
});
