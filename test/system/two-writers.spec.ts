import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seedOfThisRun } from '../seed.mjs';
import { contend, untilNothingElseIsLeft } from './two-writers/contend.js';
import { TwoDeployments } from './two-writers/two-deployments.js';

describe('two free-running writers of one key on the filesystem (invariant 5)', () => {
  let world: TwoDeployments | undefined;
  let path: string;
  const seed = seedOfThisRun();
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'spumoni-disk-'));
    world = await TwoDeployments.open({ name: 'disk', type: 'filesystem', credentials: {}, options: { path } });
  }, 60_000);
  afterAll(async () => {
    await world?.close();
    await rm(path, { recursive: true, force: true });
  });

  it(`agree for 1,000 rounds, and leave nothing behind (seed ${seed})`, async () => {
    if (!world) throw new Error('not open');
    const tally = await contend(world, 1_000, seed);
    expect(tally['put done']).toBeGreaterThan(100);
    await untilNothingElseIsLeft(world, 120_000);
  }, 300_000);
});
