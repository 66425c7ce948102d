import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLmdbIndex } from '#libs/metadata';
import { describeObjectIndexContract } from './object-index/contract.js';

describeObjectIndexContract('lmdb', async () =>
  createLmdbIndex({ path: await mkdtemp(join(tmpdir(), 'object-index-')) }),
);
