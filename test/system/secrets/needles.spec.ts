import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findIn, needle } from './needles.js';
import { searchFiles } from './search-files.js';

const SECRET = 'quite+a/secret=\n0123456789';
const secret = needle('it', SECRET);

describe('the search for secrets', () => {
  it.each([0, 1, 2, 3])('finds a secret in base64, %d bytes into a longer text', (before) => {
    const encoded = Buffer.from(`${'x'.repeat(before)}${SECRET}${'y'.repeat(5)}`).toString('base64');
    expect(findIn(Buffer.from(`..${encoded}..`), [secret])).not.toEqual([]);
  });

  it.each([
    ['plain', SECRET],
    ['hex', Buffer.from(SECRET).toString('hex')],
    ['url', encodeURIComponent(SECRET)],
    ['json', JSON.stringify({ key: SECRET })],
  ])('finds a secret in its form %s', (as, text) => {
    expect(findIn(Buffer.from(text), [secret])).toEqual([`it (${as})`]);
  });

  it('finds nothing where there is nothing', () => {
    expect(findIn(Buffer.from('quite a secret, 0123456789'), [secret])).toEqual([]);
  });

  it('finds what lies across two pieces of a large file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'spumoni-needles-'));
    const large = Buffer.alloc(8 * 1024 * 1024 * 2);
    large.write(SECRET, 8 * 1024 * 1024 - 10);
    await writeFile(join(directory, 'large'), large);
    const { found, files, bytes } = await searchFiles(directory, [secret]);
    expect({ files, bytes }).toEqual({ files: 1, bytes: large.length });
    expect(found).toEqual([`it (plain) in ${join(directory, 'large')}`]);
    await rm(directory, { recursive: true });
  });
});
