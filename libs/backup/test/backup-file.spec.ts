import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { openBackup, type Header } from '../src/index.js';
import type { Page } from '../src/format.js';
import { writeBackupFile } from '../src/write-file.js';

const directory = mkdtempSync(join(tmpdir(), 'spumoni-backup-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const header: Header = {
  format: 'spumoni-backup',
  version: 1,
  createdAt: 1,
  deployment: '0d5c1f4e-6f0e-4c9b-8f0a-1b2c3d4e5f60',
  migrations: ['ControlPlane0001_1763700000001'],
  masterKeys: ['k1'],
  index: { kind: 'lmdb', format: 2 },
};

const pages: readonly Page[] = [
  { table: 'bucket', rows: ['{"id":"b1","size":9007199254740993}', '{"id":"b2"}'] },
  { buckets: [['b1', ['photos', 'active', 'u', 1, 'filesystem', 'm', null, [], false, null]]] },
  { keys: [['b1', 'käse\n', [1, null, [], [], null]]] },
  { keys: Array.from({ length: 50 }, (_, i) => ['b1', `key ${String(i)}`, [i, null, [], [], null]] as const) },
];

async function* inOrder(): AsyncGenerator<Page> {
  for (const page of pages) yield await Promise.resolve(page);
}

let made = 0;
async function written(): Promise<string> {
  const path = join(directory, String((made += 1)));
  await writeBackupFile(path, header, inOrder());
  return path;
}

async function readAll(path: string): Promise<{ header: Header; pages: Page[] }> {
  const found = await openBackup(path);
  const read: Page[] = [];
  for await (const page of found.pages) read.push(page);
  return { header: found.header, pages: read };
}

describe('a backup file', () => {
  it('gives back what was written, and is for its owner alone', async () => {
    const path = await written();
    expect(await readAll(path)).toEqual({ header, pages });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('never takes the place of another file', async () => {
    const path = await written();
    await expect(writeBackupFile(path, header, inOrder())).rejects.toMatchObject({ kind: 'exists' });
  });

  it('is not read to its end where it was cut, wherever that was', async () => {
    const whole = readFileSync(await written());
    const path = join(directory, 'cut');
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      await expect(readAll(path)).rejects.toMatchObject({ kind: 'damaged' });
    }
  });

  it('is not read to its end where a line was lost, repeated, moved or changed in any one character, though it is well-formed gzip', async () => {
    const lines = gunzipSync(readFileSync(await written()))
      .toString()
      .split('\n')
      .slice(0, -1);
    const path = join(directory, 'edited');
    // A header that says a later version may be one: it is refused for that, before anything of it is checked.
    const later = (lines[0] ?? '').replace('"version":1', '"version":2');
    const wrong = lines.flatMap((line, at) => [
      lines.toSpliced(at, 1),
      lines.toSpliced(at, 1, line, line),
      ...(at + 1 < lines.length ? [lines.toSpliced(at, 2, lines[at + 1] ?? '', line)] : []),
      ...Array.from(line, (_, by) => lines.with(at, changedAt(line, by))),
    ]);
    let newer = 0;
    for (const edited of wrong) {
      writeFileSync(path, gzipSync(edited.map((line) => `${line}\n`).join('')));
      const kind = edited[0] === later ? 'newer' : 'damaged';
      if (kind === 'newer') newer += 1;
      await expect(readAll(path)).rejects.toMatchObject({ kind });
    }
    expect([newer, wrong.length > 1000]).toEqual([1, true]);
  });

  it('of a later version is refused, and so is what is no backup', async () => {
    const path = join(directory, 'later');
    writeFileSync(path, gzipSync(`${JSON.stringify({ ...header, version: 2 })}\n`));
    await expect(readAll(path)).rejects.toMatchObject({
      kind: 'newer',
      message: expect.stringMatching(/a backup of version 2; this Spumoni knows version 1/),
    });
    for (const content of ['', 'hello', gzipSync('hello\n'), gzipSync('{"a":1}\n')]) {
      writeFileSync(path, content);
      await expect(readAll(path)).rejects.toMatchObject({ kind: 'damaged' });
    }
    await expect(openBackup(join(directory, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

/** Another character of the same kind, so that the line may still be JSON. */
function changedAt(line: string, at: number): string {
  const next = /[0-8a-y]/.test(line[at] ?? '') ? String.fromCharCode(line.charCodeAt(at) + 1) : ' ';
  return line[at] === ' ' ? `${line}x` : line.slice(0, at) + next + line.slice(at + 1);
}
