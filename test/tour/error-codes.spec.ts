import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BACKEND_ERROR_KINDS, BackendError } from '#libs/backends';
import * as statuses from '../../apps/api/src/http/statuses.js';

const DOCS = resolve(import.meta.dirname, '../../docs');

/** Every stable code, with its status. */
function* codes(): Generator<[string, number]> {
  for (const table of [statuses.STATUS_OF_REQUEST, statuses.STATUS_OF_OBJECTS, statuses.STATUS_OF_DEPLOYMENT])
    yield* Object.entries(table);
  for (const table of [statuses.MEANING_OF_IDENTITY, statuses.MEANING_OF_CONTROL_PLANE, statuses.MEANING_OF_INDEX])
    for (const { code, status } of Object.values(table)) yield [code, status];
}

describe('the documentation', () => {
  it('has a row for every stable error code, with its status', async () => {
    const guides = (await readdir(join(DOCS, 'guides'))).map((file) => join('guides', file));
    const pages = await Promise.all(['errors.md', ...guides].map((file) => readFile(join(DOCS, file), 'utf8')));
    const rows = pages.flatMap((page) => page.split('\n').filter((line) => line.startsWith('|')));
    const missing = [...codes()].filter(
      ([code, status]) => !rows.some((row) => row.includes(`\`${code}\``) && row.includes(String(status))),
    );
    expect(missing).toEqual([]);
  });

  it('has a row for every kind of failure of a backend, and whether the call is sent again', async () => {
    const page = await readFile(join(DOCS, 'architecture.md'), 'utf8');
    const rows = page.matchAll(/^\| `(?<kind>[a-z-]+)` +\| .* \| (?<again>yes|no) +\|$/gm);
    const documented = [...rows].map(({ groups }) => [groups?.['kind'], groups?.['again']]);
    const kinds = BACKEND_ERROR_KINDS.map((kind) => [kind, new BackendError(kind, '').retryable ? 'yes' : 'no']);
    expect(documented).toEqual(kinds);
  });
});
