import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { openBackend } from '#libs/backends';
import { CRASH_POINTS } from '#libs/objects';
import { backendId, register } from './administration.js';
import { CrashingSpumoni } from './crashing-spumoni.js';
import { leftovers, lmdbIn, type Site } from './leftovers.js';
import { FRESH_POINTS, INTENT_POINTS, Strikes, SWEEP_POINTS } from './strikes.js';

const MINUTE = 60_000;

/** A kill of the real processes at every point that an operation passes, on two directories (acceptance 6 of the spine). */
describe('the product killed at each point of its work, on filesystems', () => {
  let crashing: CrashingSpumoni;
  let strikes: Strikes;
  let sites: Site[];

  async function siteAt(id: string, name: string, path: string): Promise<Site> {
    return { id, backend: await openBackend({ name, type: 'filesystem', credentials: {}, options: { path } }) };
  }

  beforeAll(async () => {
    crashing = await CrashingSpumoni.start();
    const client = crashing.spumoni.client();
    const { dataDirectory } = crashing.spumoni;
    const path = join(dataDirectory, 'second');
    const second = await register(client, { name: 'second', type: 'filesystem', options: { path } });
    sites = [
      await siteAt(await backendId(client, 'local'), 'local', join(dataDirectory, 'objects')),
      await siteAt(second, 'second', path),
    ];
    strikes = await Strikes.begin(crashing, { type: 'filesystem', backend: 'local' });
  }, 2 * MINUTE);
  afterAll(async () => {
    await Promise.all(sites.map(({ backend }) => backend.close()));
    await crashing.spumoni.stop();
  }, MINUTE);

  it('deletes garbage', () => strikes.garbage(), 4 * MINUTE);
  it(
    'migrates',
    () =>
      strikes.migrations('second', [
        'container-created',
        'container-marked',
        'bytes-sent',
        'committed',
        'garbage-deleted',
      ]),
    4 * MINUTE,
  );
  it(
    'carries out lifecycle rules',
    () => strikes.lifecycleRuns({ storageClass: 'STANDARD', backend: 'second' }),
    MINUTE,
  );
  it('creates buckets', () => strikes.bucketCreations(), 4 * MINUTE);
  it('deletes buckets', () => strikes.bucketDeletions(), 4 * MINUTE);
  it.each(FRESH_POINTS)(
    'puts, overwrites, copies and changes objects: %s',
    (point) => strikes.writesAt(point),
    4 * MINUTE,
  );
  it('deletes objects', () => strikes.removal(), 4 * MINUTE);

  it(
    'and keeps every acknowledged object, and leaves nothing that nobody names',
    async () => {
      const withoutIntents = CRASH_POINTS.filter(
        (point) => ![...INTENT_POINTS, ...SWEEP_POINTS].some((other) => other === point),
      );
      expect([...crashing.reached].sort()).toEqual([...new Set([...withoutIntents, ...FRESH_POINTS])].sort());
      await strikes.settled(sites);
      await crashing.spumoni.interrupt();
      expect(await leftovers(lmdbIn(crashing.spumoni.dataDirectory), sites)).toEqual([]);
    },
    4 * MINUTE,
  );
});
