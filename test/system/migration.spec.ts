import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journey } from './migration/journey.js';
import { RunningSpumoni } from './running-spumoni.js';
import { seedOfThisRun } from '../seed.mjs';

const MIB = 1024 * 1024;
const QUICK = { SPUMONI_GARBAGE_GRACE_SECONDS: '1', SPUMONI_SWEEP_SECONDS: '0.5' };

describe('migration between two disks while a client works', () => {
  let spumoni: RunningSpumoni | undefined;
  let disk: string;
  const seed = seedOfThisRun();
  beforeAll(async () => {
    disk = await mkdtemp(join(tmpdir(), 'spumoni-disk-'));
    spumoni = await RunningSpumoni.start({ environment: QUICK });
  }, 150_000);
  afterAll(async () => {
    await spumoni?.stop();
    await rm(disk, { recursive: true, force: true });
  });

  it(`moves 300 objects there and back: nothing is lost, nothing is left (seed ${seed})`, async () => {
    const client = spumoni?.client();
    if (!client) throw new Error('not running');
    const json = { name: 'disk', type: 'filesystem', credentials: {}, options: { path: disk } };
    await client.expect(201, 'POST', '/admin/v1/backends', { json });
    const journey = new Journey(client, 'travelling-bucket', seed);
    await journey.begin({ type: 'filesystem', backend: 'local' }, { objects: 300, bytes: 20 * MIB, large: 0 });
    const there = await journey.leg('disk');
    expect(there.operations).toBeGreaterThan(0);
    expect(await readdir(disk)).toContain('travelling-bucket');
    await journey.leg('local');
    expect(await readdir(disk)).not.toContain('travelling-bucket');
    expect(journey.objects.doubts).toEqual([]);
  }, 300_000);
});
