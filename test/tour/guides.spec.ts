import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunningSpumoni } from '../system/running-spumoni.js';
import { runTour } from './run-tour.js';
import { parseTour } from './tour-page.js';

/** In an order in which none is in another's way on one Spumoni; each also runs on a fresh one, by `scripts/tour.mjs --start`. */
const GUIDES = [
  'buckets',
  'backends',
  'names',
  'tiers',
  'operate',
  'users',
  'objects',
  'moves',
  'adopt',
  'encryption',
  'audit',
  'usage',
  'events',
  'limits',
  'links',
  'resumable-uploads',
  'backup',
];
const PAGES = [...GUIDES.map((guide) => `docs/guides/${guide}.md`), 'docs/errors.md'];
const FOLDER = resolve(import.meta.dirname, '../../docs/guides');

describe('the commands of the guides', () => {
  let spumoni: RunningSpumoni;
  beforeAll(async () => {
    spumoni = await RunningSpumoni.start();
  }, 120_000);
  afterAll(() => spumoni.stop(), 60_000);

  it.each(PAGES)(
    'answer as %s shows',
    async (page) => {
      const { accessKey, secretKey } = spumoni.credentials;
      const { url, dataDirectory } = spumoni;
      const tour = { page, url, dataDirectory, keys: `${accessKey}:${secretKey}` };
      expect(await runTour(tour)).toBeGreaterThan(0);
    },
    120_000,
  );
});

describe('the guides', () => {
  it('are all among these, but for those that show no commands', async () => {
    const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.md'));
    const withCommands: string[] = [];
    for (const file of files)
      if (parseTour(await readFile(join(FOLDER, file), 'utf8')).length > 0) withCommands.push(file.replace('.md', ''));
    expect(withCommands.sort()).toEqual(GUIDES.toSorted());
  });
});
