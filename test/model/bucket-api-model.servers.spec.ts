import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { rounds } from '../soak.js';
import { RunningSpumoni } from '../system/running-spumoni.js';
import { isInstalled, startVendor, type VendorServer } from '../system/vendor-servers.js';
import type { Home } from './step.js';
import { expectBreadth, filesystem, tryModel } from './try-model.js';

/** Of the long form: 100,000 steps. */
const AT_MOST_MS = 4 * 3_600_000;
const MINIO: Home = { name: 'minio', type: 's3', classes: ['STANDARD', 'REDUCED_REDUNDANCY'], asciiTags: true };

describe('the bucket API beside a model of it, on MinIO', () => {
  if (!isInstalled('minio')) return;
  let spumoni: RunningSpumoni | undefined;
  let server: VendorServer | undefined;
  const chosen = rounds({ runs: 50, steps: 50 }, { runs: 1_000, steps: 100 });
  beforeAll(async () => {
    server = await startVendor('minio');
    spumoni = await RunningSpumoni.start();
    await spumoni.client().expect(201, 'POST', '/admin/v1/backends', { json: server.body });
  }, 120_000);
  afterAll(async () => {
    await spumoni?.stop();
    await server?.stop();
  });

  it(
    `answers as the model does on MinIO and a directory: ${chosen.runs} runs of ${chosen.steps} steps (seed ${chosen.seed})`,
    async () => {
      if (!spumoni) throw new Error('not running');
      const tally = await tryModel(spumoni, [MINIO, filesystem('local')], chosen);
      expectBreadth(tally, chosen);
    },
    AT_MOST_MS,
  );
});
