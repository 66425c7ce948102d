import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { join } from 'node:path';
import { rounds } from '../soak.js';
import { RunningSpumoni } from '../system/running-spumoni.js';
import { expectBreadth, filesystem, tryModel } from './try-model.js';

/** Of the long form: 100,000 steps. */
const AT_MOST_MS = 4 * 3_600_000;

describe('the bucket API beside a model of it', () => {
  let spumoni: RunningSpumoni | undefined;
  const chosen = rounds({ runs: 50, steps: 50 }, { runs: 1_000, steps: 100 });
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start();
    const json = {
      name: 'disk',
      type: 'filesystem',
      credentials: {},
      options: { path: join(spumoni.dataDirectory, 'other-disk') },
    };
    await spumoni.client().expect(201, 'POST', '/admin/v1/backends', { json });
  }, 120_000);
  afterAll(() => spumoni?.stop());

  it(
    `answers as the model does on two directories: ${chosen.runs} runs of ${chosen.steps} steps (seed ${chosen.seed})`,
    async () => {
      if (!spumoni) throw new Error('not running');
      const tally = await tryModel(spumoni, [filesystem('local'), filesystem('disk')], chosen);
      expectBreadth(tally, chosen);
    },
    AT_MOST_MS,
  );
});
