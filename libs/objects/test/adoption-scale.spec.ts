import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createLmdbIndex } from '#libs/metadata';
import { adoptBucket, createBucket, reconcileBucket, type JobEnd, type Report } from '../src/index.js';
import { makeEndless } from './simulation/endless-container.js';
import { ACTOR, platformOn } from './simulation/platform.js';

/** `SPUMONI_TEST_ADOPT=1000000` takes over a million; docs/guides/adopt.md says what that took. */
const OBJECTS = Number(process.env['SPUMONI_TEST_ADOPT'] ?? 10_000);
const MIB = 1024 * 1024;

async function timed(work: () => Promise<JobEnd>): Promise<number> {
  const began = performance.now();
  expect(await work()).toEqual({ state: 'completed' });
  return (performance.now() - began) / 1_000;
}

describe(`taking over ${String(OBJECTS)} objects`, () => {
  it('holds a page of them in memory, whatever their number', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'spumoni-adopt-'));
    const index = await createLmdbIndex({ path: directory });
    try {
      const backend = makeEndless('theirs', OBJECTS);
      await backend.createContainer(ACTOR, { container: 'theirs' });
      const platform = platformOn({ m1: backend });
      const engine = { ...platform.engine, index };
      const { bucket } = await createBucket(engine, ACTOR, {
        name: 'ours',
        backend: 'm1',
        adopt: { container: 'theirs' },
      });
      let most = 0;
      let last: Report | undefined;
      const report = (said: Report): Promise<'run'> => {
        last = said;
        const { heapUsed, external } = process.memoryUsage();
        most = Math.max(most, heapUsed + external);
        return Promise.resolve('run');
      };
      const job = { bucketId: bucket.id, parallel: 64, reporter: { report } };
      const before = process.memoryUsage();
      const adopting = await timed(() => adoptBucket(engine, ACTOR, job));
      expect(last?.counts.objects).toEqual({ total: OBJECTS, done: OBJECTS, failed: 0 });
      const reconciling = await timed(() => reconcileBucket(engine, ACTOR, job));
      const grown = (most - before.heapUsed - before.external) / MIB;
      process.stdout.write(
        `${String(OBJECTS)} objects: adopted in ${adopting.toFixed(1)} s, compared in ${reconciling.toFixed(1)} s, ` +
          `at most ${grown.toFixed(0)} MiB of heap more (resident ${(process.memoryUsage().rss / MIB).toFixed(0)} MiB)\n`,
      );
      expect(grown).toBeLessThan(200);
    } finally {
      await index.close();
      await rm(directory, { recursive: true, force: true });
    }
  }, 3_600_000);
});
