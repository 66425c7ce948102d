import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { MasterKey } from '#libs/secrets';
import { openBackup, type BackupKeys, type Header, type Trust } from '../src/index.js';
import type { Page } from '../src/format.js';
import { newSigningKey } from '../src/signature.js';
import { writeBackupFile } from '../src/write-file.js';

const directory = mkdtempSync(join(tmpdir(), 'spumoni-backup-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const masterKey = new MasterKey(randomBytes(32));
const keysOf = (...all: readonly MasterKey[]): BackupKeys => ({
  ids: all.map(({ id }) => id),
  find: (id) => all.find((key) => key.id === id),
  where: 'the drawer',
});
const ours: Trust = { keys: keysOf(masterKey) };

const header: Header = {
  format: 'spumoni-backup',
  version: 2,
  createdAt: 1,
  deployment: '0d5c1f4e-6f0e-4c9b-8f0a-1b2c3d4e5f60',
  migrations: ['ControlPlane0001_1763700000001'],
  masterKeys: [masterKey.id],
  index: { kind: 'lmdb', format: 2 },
};

/** The signature itself may be what is another. */
const DAMAGED: unknown = expect.stringMatching(/^(damaged|forged)$/);
/** Why a file may be refused whose first line is another: the key that it names is another, opens nothing, or is not there. */
const OTHER_HEADER: unknown = expect.stringMatching(/^(damaged|forged|missing-key|unsigned)$/);

const pages: readonly Page[] = [
  { table: 'bucket', rows: ['{"id":"b1","size":9007199254740993}', '{"id":"b2"}'] },
  { buckets: [['b1', ['photos', 'active', 'u', 1, 'filesystem', 'm', null, [], false, null]]] },
  { keys: [['b1', 'käse\n', [1, null, [], [], null]]] },
  { keys: Array.from({ length: 50 }, (_, i) => ['b1', `key ${String(i)}`, [i, null, [], [], null]] as const) },
];

async function* inOrder(): AsyncGenerator<Page> {
  for (const page of pages) yield await Promise.resolve(page);
}

const write = (path: string): Promise<unknown> => {
  const signingKey = newSigningKey(ours.keys, header.masterKeys, header.deployment);
  return writeBackupFile(path, { header, pages: inOrder(), signingKey });
};

let made = 0;
async function written(): Promise<string> {
  const path = join(directory, String((made += 1)));
  await write(path);
  return path;
}

async function readAll(path: string, trust = ours): Promise<{ header: Header; pages: Page[] }> {
  const found = await openBackup(path, trust);
  const read: Page[] = [];
  for await (const page of found.pages) read.push(page);
  return { header: found.header, pages: read };
}

const linesIn = (path: string): string[] => gunzipSync(readFileSync(path)).toString().split('\n').slice(0, -1);
const writeLines = (path: string, lines: readonly string[]): void =>
  writeFileSync(path, gzipSync(lines.map((line) => `${line}\n`).join('')));

/** As somebody leaves it who knows how the file is made: with the checksum of what it now holds. */
function withChecksum(lines: readonly string[]): string[] {
  const text = lines.slice(0, -1).map((line) => `${line}\n`);
  const sha256 = createHash('sha256').update(text.join('')).digest('hex');
  return lines.with(-1, (lines.at(-1) ?? '').replace(/"sha256":"\w*"/, `"sha256":"${sha256}"`));
}

/** As a version wrote it that signed nothing. */
function withoutSignature(lines: readonly string[]): string[] {
  const first = (lines[0] ?? '').replace(/,"signature":"[^"]*"/, '').replace('"version":2', '"version":1');
  return withChecksum(lines.with(0, first).with(-1, (lines.at(-1) ?? '').replace(/,"hmac":"\w*"/, '')));
}

describe('a backup file', () => {
  it('gives back what was written, and is for its owner alone', async () => {
    const path = await written();
    expect(await readAll(path)).toEqual({ header: { ...header, signature: expect.any(String) }, pages });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('never takes the place of another file', async () => {
    const path = await written();
    await expect(write(path)).rejects.toMatchObject({ kind: 'exists' });
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
    const lines = linesIn(await written());
    const path = join(directory, 'edited');
    // A header that says a later version may be one: it is refused for that, before anything of it is checked.
    const later = (lines[0] ?? '').replace('"version":2', '"version":3');
    const wrong = lines.flatMap((line, at) => [
      lines.toSpliced(at, 1),
      lines.toSpliced(at, 1, line, line),
      ...(at + 1 < lines.length ? [lines.toSpliced(at, 2, lines[at + 1] ?? '', line)] : []),
      ...Array.from(line, (_, by) => lines.with(at, changedAt(line, by))),
    ]);
    let newer = 0;
    for (const edited of wrong) {
      writeLines(path, edited);
      const kind = edited[0] === later ? 'newer' : edited[0] === lines[0] ? DAMAGED : OTHER_HEADER;
      if (kind === 'newer') newer += 1;
      await expect(readAll(path)).rejects.toMatchObject({ kind });
    }
    expect([newer, wrong.length > 1000]).toEqual([1, true]);
  });

  it('gives what was written or nothing at all, whichever of its bytes is another', async () => {
    const from = await written();
    const [whole, read] = [readFileSync(from), await readAll(from)];
    const path = join(directory, 'flipped');
    let taken = 0;
    for (const [at, byte] of whole.entries()) {
      const other = Buffer.from(whole);
      other[at] = byte ^ (1 << (at % 8));
      writeFileSync(path, other);
      const found = await readAll(path).catch((error: unknown) => error);
      if (found instanceof Error) expect(found).toMatchObject({ name: 'BackupError' });
      else expect([(taken += 1), found]).toEqual([taken, read]);
    }
    // What gzip says of time and system is no part of it.
    expect(taken).toBeLessThan(12);
  });

  it('is refused where somebody changed it who can make its checksum, but has not the master key', async () => {
    const lines = linesIn(await written());
    const path = join(directory, 'forged');
    const anyLine = fc.nat({ max: lines.length - 1 });
    const edit = fc.oneof(
      fc.tuple(anyLine, fc.nat({ max: 400 }), fc.string({ minLength: 1, maxLength: 3 })).map(([at, by, text]) => {
        const line = lines[at] ?? '';
        const place = by % line.length;
        return lines.with(at, line.slice(0, place) + text + line.slice(place + 1));
      }),
      anyLine.map((at) => lines.toSpliced(at, 1)),
      fc.tuple(anyLine, anyLine).map(([from, to]) => lines.toSpliced(to, 0, lines[from] ?? '')),
      fc.tuple(anyLine, anyLine).map(([one, two]) => lines.with(one, lines[two] ?? '').with(two, lines[one] ?? '')),
    );
    await fc.assert(
      fc.asyncProperty(edit, async (edited) => {
        fc.pre(edited.join('\n') !== lines.join('\n') && edited.length > 0);
        const told = withChecksum(edited);
        writeLines(path, told);
        const found = await readAll(path).catch((error: unknown) => error);
        if (found instanceof Error) expect(found).toMatchObject({ name: 'BackupError' });
        // Another way to write the same last line: the lines before it are as they were.
        else expect(told.slice(0, -1)).toEqual(lines.slice(0, -1));
      }),
    );
    const renamed = lines.map((line) => line.replace('"photos"', '"papers"'));
    writeLines(path, withChecksum(renamed));
    await expect(readAll(path)).rejects.toMatchObject({ kind: expect.stringMatching(/^forged$/) });
    await expect(readAll(path, { ...ours, unsigned: true })).rejects.toMatchObject({ kind: 'forged' });
  });

  it('of an earlier version, or stripped of its signature, is taken only where that was said', async () => {
    const path = join(directory, 'unsigned');
    writeLines(path, withoutSignature(linesIn(await written())));
    await expect(readAll(path)).rejects.toMatchObject({
      kind: 'unsigned',
      message: expect.stringMatching(/bears no signature.*--unsigned/),
    });
    const trust = { ...ours, unsigned: true };
    expect(await readAll(path, trust)).toEqual({ header: { ...header, version: 1 }, pages });
    expect((await openBackup(path, trust)).signedBy).toBeUndefined();
    writeLines(
      path,
      withoutSignature(linesIn(await written())).map((line) => line.replace('"photos"', '"papers"')),
    );
    await expect(readAll(path, trust)).rejects.toMatchObject({ kind: 'damaged' });
  });

  it('signed under another master key names the one it needs, and is told apart from one of another deployment', async () => {
    const path = await written();
    const theirs = keysOf(new MasterKey(randomBytes(32)));
    await expect(readAll(path, { keys: theirs })).rejects.toMatchObject({
      kind: 'missing-key',
      message: expect.stringMatching(
        new RegExp(`signed by the master key ${masterKey.id}, and in the drawer there is ${theirs.ids.join()}`),
      ),
    });
    await expect(readAll(path, { keys: keysOf() })).rejects.toThrow(/there is none/);
    expect((await readAll(path, { keys: theirs, unsigned: true })).pages).toEqual(pages);
    expect((await openBackup(path, { keys: keysOf(...[masterKey, new MasterKey(randomBytes(32))]) })).signedBy).toBe(
      masterKey.id,
    );
    const lines = linesIn(path);
    const elsewhere = (lines[0] ?? '').replace(header.deployment, '1d5c1f4e-6f0e-4c9b-8f0a-1b2c3d4e5f60');
    const moved = join(directory, 'moved');
    writeLines(moved, withChecksum(lines.with(0, elsewhere)));
    await expect(readAll(moved)).rejects.toMatchObject({ kind: 'forged' });
    expect(() => newSigningKey(theirs, header.masterKeys, header.deployment)).toThrow(
      `signed by the master key ${masterKey.id}, and in the drawer there is`,
    );
  });

  it('of a later version is refused, and so is what is no backup', async () => {
    const path = join(directory, 'later');
    writeFileSync(path, gzipSync(`${JSON.stringify({ ...header, version: 3 })}\n`));
    await expect(readAll(path)).rejects.toMatchObject({
      kind: 'newer',
      message: expect.stringMatching(/a backup of version 3; this Spumoni knows version 2/),
    });
    for (const content of ['', 'hello', gzipSync('hello\n'), gzipSync('{"a":1}\n')]) {
      writeFileSync(path, content);
      await expect(readAll(path)).rejects.toMatchObject({ kind: 'damaged' });
    }
    await expect(openBackup(join(directory, 'none'), ours)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

/** Another character of the same kind, so that the line may still be JSON. */
function changedAt(line: string, at: number): string {
  const next = /[0-8a-y]/.test(line[at] ?? '') ? String.fromCharCode(line.charCodeAt(at) + 1) : ' ';
  return line[at] === ' ' ? `${line}x` : line.slice(0, at) + next + line.slice(at + 1);
}
