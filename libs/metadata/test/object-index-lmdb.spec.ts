import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLmdbIndex, MAX_ADDRESS_BYTES } from '#libs/metadata';
import type { KeyDocument, ObjectIndex } from '#libs/metadata';
import { justAfter, successor } from '../src/object-index/lmdb/addresses.js';
import { openRoot, openTables } from '../src/object-index/lmdb/environment.js';
import { toIndexError } from '../src/object-index/lmdb/failures.js';
import { shownRecord } from '../src/object-index/document-rules.js';
import { hasCurrentIn, ShownRecords } from '../src/object-index/lmdb/stored-bytes.js';
import { encodeKeyDocument } from '../src/object-index/stored-form.js';
import { describeObjectIndexContract } from './object-index/contract.js';
import { anyDocument, anyKey, bucketDocument, bucketId, hidden, shown } from './object-index/documents.js';

const BUCKET = bucketId('bucket-1');
const FROM_SOURCE = resolve('scripts/typescript-source.mjs');
const FILLER = resolve('libs/metadata/test/object-index/filler.process.ts');

const made: string[] = [];
async function newPath(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'object-index-'));
  made.push(path);
  return path;
}
afterAll(async () => {
  for (const path of made) await rm(path, { recursive: true });
});

describeObjectIndexContract('lmdb', async () => createLmdbIndex({ path: await newPath() }));

async function fill(index: ObjectIndex, keys: Iterable<string>, document: (at: number) => KeyDocument): Promise<void> {
  const all = [...keys];
  for (let start = 0; start < all.length; start += 1000) {
    const part = all.slice(start, start + 1000);
    await Promise.all(
      part.map((key, at) =>
        index.changeKey({ bucket: BUCKET, key }, { expected: null, next: document(start + at), requireActive: false }),
      ),
    );
  }
}

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(6, '0')}`);

describe('the order of lmdb', () => {
  it('is that of UTF-8 bytes, and the seek past a prefix leaves out exactly what begins with it', async () => {
    const path = await newPath();
    const root = openRoot(path);
    const { names } = openTables(root);
    const keys = fc.uniqueArray(anyKey, { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(keys, anyKey, async (all, chosen) => {
        const prefix = chosen.slice(0, 2).isWellFormed() ? chosen.slice(0, 2) : chosen;
        await names.clearAsync();
        await root.transaction(() => {
          for (const key of all) names.putSync(key, BUCKET);
        });
        const sorted = all.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
        const read = (start: Buffer): string[] =>
          [...names.getKeys({ start, end: Buffer.from([0xff]) })].map((key) => String(key));
        expect(read(Buffer.from([0]))).toStrictEqual(sorted);
        const isAfter = (key: string): boolean => Buffer.compare(Buffer.from(key), Buffer.from(prefix)) > 0;
        expect(read(successor(Buffer.from(prefix)))).toStrictEqual(
          sorted.filter((key) => isAfter(key) && !key.startsWith(prefix)),
        );
        expect(read(justAfter(prefix))).toStrictEqual(sorted.filter(isAfter));
      }),
      { numRuns: 200 },
    );
    await root.close();
  }, 60_000);
});

describe('an lmdb index', () => {
  let path: string;
  let index: ObjectIndex;
  beforeEach(async () => {
    path = await newPath();
    index = await createLmdbIndex({ path });
  });
  afterEach(() => index.close());

  it('holds keys up to its limit of bytes, and refuses longer ones before anything is written', async () => {
    const change = { expected: null, next: shown(1), requireActive: false };
    const longest = MAX_ADDRESS_BYTES - BUCKET.length - 1;
    const fits = ['k'.repeat(longest), `€${'k'.repeat(longest - 3)}`, '\u{1f600}'.repeat(256)];
    for (const key of fits) {
      expect(await index.changeKey({ bucket: BUCKET, key }, change)).toBe('changed');
      expect((await index.getKey({ bucket: BUCKET, key }))?.value).toStrictEqual(shown(1));
    }
    for (const key of ['k'.repeat(longest + 1), '€'.repeat(longest)])
      await expect(index.changeKey({ bucket: BUCKET, key }, change)).rejects.toMatchObject({ kind: 'too-large' });
    const name = 'n'.repeat(MAX_ADDRESS_BYTES + 1);
    const bucket = bucketDocument(BUCKET, { name });
    await expect(index.changeBucket(BUCKET, null, bucket)).rejects.toMatchObject({ kind: 'too-large' });
    expect(await index.findBucket(name)).toBeUndefined();
    const listed = (await index.list(BUCKET, { limit: 10 })).keys.map(({ key }) => key);
    expect(listed).toStrictEqual([fits[0], fits[1], fits[2]]);
    const [first = '', second = ''] = fits;
    expect((await index.list(BUCKET, { marker: first, limit: 1 })).keys[0]?.key).toBe(second);
    expect((await index.list(BUCKET, { marker: `${first}more`, limit: 1 })).keys[0]?.key).toBe(second);
    expect((await index.list(BUCKET, { prefix: second, limit: 5 })).keys.map(({ key }) => key)).toStrictEqual([second]);
  });

  it('has everything again when it is reopened, versions going on where they were', async () => {
    await index.changeBucket(BUCKET, null, bucketDocument(BUCKET));
    await fill(index, ['a', 'b'], shown);
    const before = await index.getKey({ bucket: BUCKET, key: 'b' });
    await index.changeKey({ bucket: BUCKET, key: 'b' }, { expected: before?.version ?? null, requireActive: false });
    await index.close();
    index = await createLmdbIndex({ path });
    expect((await index.list(BUCKET, { limit: 10 })).keys.map(({ key }) => key)).toStrictEqual(['a']);
    await fill(index, ['b'], shown);
    const after = await index.getKey({ bucket: BUCKET, key: 'b' });
    expect(after?.version).toBeGreaterThan(before?.version ?? Number.NaN);
  });

  it('forgets that a document was pending once it is settled or gone', async () => {
    await fill(index, ['settled', 'removed', 'open'], hidden);
    for (const key of ['settled', 'removed']) {
      const expected = (await index.getKey({ bucket: BUCKET, key }))?.version ?? null;
      const next = key === 'settled' ? { next: shown(1) } : {};
      await index.changeKey({ bucket: BUCKET, key }, { expected, ...next, requireActive: false });
    }
    await index.close();
    const root = openRoot(path);
    expect([...openTables(root).pending.getKeys()]).toStrictEqual([`${BUCKET}\0open`]);
    await root.close();
  });

  it('refuses a store of a newer format, saying which', async () => {
    await index.close();
    const root = openRoot(path);
    const { meta } = openTables(root);
    await root.transaction(() => meta.putSync('format', 3));
    await root.close();
    await expect(createLmdbIndex({ path })).rejects.toThrow(
      /is of format 3, written by a newer Spumoni; this one knows format 2/,
    );
  });

  it.each(['no environment at all, but text that is long enough to be one', 'short'])(
    'refuses a file that is %s',
    async (content) => {
      const other = await newPath();
      await writeFile(join(other, 'data.mdb'), content);
      const opening = createLmdbIndex({ path: other });
      await expect(opening).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(opening).rejects.toThrow(/is not an lmdb environment/);
    },
  );

  it('refuses a path where no directory can be made', async () => {
    const file = join(await newPath(), 'file');
    await writeFile(file, '');
    await expect(createLmdbIndex({ path: join(file, 'index') })).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('closes after what is under way, which is done whole', async () => {
    await fill(index, numbered('k', 5000), hidden);
    const change = { expected: null, next: shown(1), requireActive: false };
    const changes = Array.from({ length: 50 }, (_, at) =>
      index.changeKey({ bucket: BUCKET, key: `late${at}` }, change),
    );
    const listing = index.list(BUCKET, { limit: 100 });
    await Promise.all([index.close(), index.close()]);
    expect(new Set(await Promise.all(changes))).toStrictEqual(new Set(['changed']));
    await listing;
    index = await createLmdbIndex({ path });
    expect((await index.list(BUCKET, { limit: 100 })).keys).toHaveLength(50);
  });

  it('lets other work have its turn while it walks over documents that no listing shows, and keeps to its snapshot', async () => {
    await fill(index, numbered('k', 10_000), hidden);
    await fill(index, ['z'], shown);
    let turns = 0;
    let isDone = false;
    const countTurns = (): void => {
      turns++;
      if (!isDone) setImmediate(countTurns);
    };
    const listing = index.list(BUCKET, { limit: 10 });
    setImmediate(countTurns);
    const added = index.changeKey(
      { bucket: BUCKET, key: 'y' },
      { expected: null, next: shown(1), requireActive: false },
    );
    expect((await listing).keys.map(({ key }) => key)).toStrictEqual(['z']);
    isDone = true;
    expect(turns).toBeGreaterThanOrEqual(4);
    await added;
    expect((await index.list(BUCKET, { limit: 10 })).keys.map(({ key }) => key)).toStrictEqual(['y', 'z']);
  }, 60_000);

  it('folds keys as its snapshot has them, before and after others had their turn', async () => {
    const ten = (prefix: string): string[] => numbered(prefix, 10);
    await fill(index, [...ten('a/'), ...ten('b/'), 'plain'], shown);
    await fill(index, numbered('k', 5_000), hidden);
    await fill(index, [...ten('x/'), ...ten('y/'), 'z'], shown);
    const listing = index.list(BUCKET, { delimiter: '/', limit: 1000 });
    const added = fill(index, ['w/1', 'zz'], shown);
    const { keys, commonPrefixes, isTruncated } = await listing;
    expect(commonPrefixes).toStrictEqual(['a/', 'b/', 'x/', 'y/']);
    expect(keys.map(({ key, record }) => [key, record.size])).toStrictEqual([
      ['plain', shown(20).current?.size],
      ['z', shown(20).current?.size],
    ]);
    expect(isTruncated).toBe(false);
    await added;
    const { commonPrefixes: later } = await index.list(BUCKET, { delimiter: '/', limit: 1000 });
    expect(later).toStrictEqual(['a/', 'b/', 'w/', 'x/', 'y/']);
  }, 60_000);

  it('tells from the bytes alone whether a document has a current record', async () => {
    const root = openRoot(await newPath());
    const { keys } = openTables(root);
    for (const revision of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1])
      for (const document of [shown(1), hidden(1)]) {
        await keys.put('k', encodeKeyDocument({ ...document, revision }), 1);
        const bytes = keys.getBinaryFast('k');
        expect([revision, bytes && hasCurrentIn(bytes)]).toStrictEqual([revision, document.current !== undefined]);
      }
    for (const other of [[], [0xc0], [0x95, 0xa1, 0x61, 0xc0]])
      expect(hasCurrentIn(Uint8Array.from(other))).toBeUndefined();
    await root.close();
  });

  it('reads from the bytes alone what a listing shows, whatever else the document holds', async () => {
    const root = openRoot(await newPath());
    const { keys, keyBytes } = openTables(root);
    const records = new ShownRecords();
    const grown = fc.tuple(anyDocument, fc.constantFrom('', 'e'.repeat(40), 'é'.repeat(300), 'w'.repeat(70_000)));
    await fc.assert(
      fc.asyncProperty(grown, fc.constantFrom('current', 'metadata', 'etag'), async ([document, more], where) => {
        const { current } = document;
        const long = { ...current?.metadata, long: more };
        const changes = where === 'metadata' ? { metadata: long } : where === 'etag' ? { etag: more } : {};
        const next = current ? { ...document, current: { ...current, ...changes } } : document;
        await keys.put('k', encodeKeyDocument(next), 1);
        for (const { value } of keyBytes.getRange({ start: Buffer.from('k'), end: Buffer.from('l') })) {
          const read = records.read(value);
          // What is larger than any usual document is left to the ordinary decoder.
          if (more.length > 60_000 && read === undefined) continue;
          expect(read).toStrictEqual(next.current ? shownRecord(next.current) : null);
        }
      }),
      { numRuns: 300 },
    );
    for (const other of [[], [0x95, 0x01, 0x9a, 0x01, 0xa1], [0x95, 0x01, 0x93, 0x01, 0xa0, 0x01], [0xc0]])
      expect(records.read(Buffer.from(other))).toBeUndefined();
    await root.close();
  }, 60_000);
});

describe('an lmdb index of 60,000 keys under 60 prefixes', () => {
  let index: ObjectIndex;
  beforeAll(async () => {
    index = await createLmdbIndex({ path: await newPath() });
    await fill(
      index,
      numbered('', 60).flatMap((prefix) => numbered(`${prefix}/`, 1000)),
      shown,
    );
  }, 60_000);
  afterAll(() => index.close());

  it('lists the prefixes in a fraction of the time it takes to walk the keys', async () => {
    const best = async (work: () => Promise<unknown>): Promise<number> => {
      let least = Infinity;
      for (let round = 0; round < 10; round++) {
        const start = performance.now();
        await work();
        least = Math.min(least, performance.now() - start);
      }
      return least;
    };
    const page = await index.list(BUCKET, { delimiter: '/', limit: 1000 });
    expect([page.commonPrefixes.length, page.isTruncated]).toStrictEqual([60, false]);
    const skipping = await best(() => index.list(BUCKET, { delimiter: '/', limit: 1000 }));
    const walking = await best(() => index.scan(BUCKET, { limit: 100_000 }));
    // A hundredth here; who walks the keys to find the prefixes takes as long as who walks them.
    expect(skipping / walking).toBeLessThan(1 / 3);
  }, 60_000);
});

describe('failures of lmdb', () => {
  it('are told apart into no room and everything else', async () => {
    const here = await newPath();
    const kind = async (error: unknown): Promise<unknown> => toIndexError(error, here);
    const coded = (message: string, code: number): Error => Object.assign(new Error(message), { code });
    for (const code of [28, 27, 122, -30792]) expect(await kind(coded('no', code))).toMatchObject({ kind: 'full' });
    expect(await kind(coded('Input/output error', 5))).toMatchObject({ kind: 'unavailable' });
    const failed = Object.assign(new Error('Commit failed'), { commitError: Promise.reject(coded('no', 28)) });
    expect(await kind(failed)).toMatchObject({ kind: 'full', cause: { code: 28 } });
    const input = new TypeError('bad input');
    expect(await kind(input)).toBe(input);
  });

  it('leave the process alive and nothing half-written when the file cannot grow', async () => {
    const path = await newPath();
    const flags = ['--no-warnings', `--import=${FROM_SOURCE}`];
    const limited = ['-c', 'ulimit -f 3000; exec "$@"', 'sh', process.execPath, ...flags, FILLER, path];
    const { stdout } = await promisify(execFile)('/bin/sh', limited, { maxBuffer: 16 * 1024 * 1024 });
    const told = JSON.parse(stdout) as { acknowledged: string[]; refusals: string[]; readable: number };
    // A write that stops short looks like a bad disk (the disk has room, only this process may not use it), one refused whole like a full one.
    expect(['full', 'unavailable']).toEqual(expect.arrayContaining(told.refusals));
    expect(told.readable).toBe(told.acknowledged.length);

    const index = await createLmdbIndex({ path });
    const bucket = bucketId('shared');
    const there = (await index.scan(bucket, { limit: 100_000 })).map(({ key }) => key);
    const pending = (await index.listPending({ bucket, limit: 100_000 })).map(({ key }) => key);
    await index.close();
    expect(new Set(there)).toStrictEqual(new Set(told.acknowledged));
    expect(pending).toStrictEqual(there);
  }, 60_000);
});

describe('a look into lmdb that waits for nothing', () => {
  it('finds what the other reads find, as of the last change that was acknowledged', async () => {
    const index = await createLmdbIndex({ path: await newPath() });
    const find = (name: string, key: string): unknown => index.atOnce?.findKey(name, key);
    expect(find('photos', 'k')).toBeUndefined();
    const bucket = bucketDocument(BUCKET, { name: 'photos' });
    await index.changeBucket(BUCKET, null, bucket);
    expect(find('photos', 'k')).toEqual({ bucket, document: undefined });
    for (let size = 1; size < 20; size++) {
      const before = await index.getKey({ bucket: BUCKET, key: 'k' });
      const change = { expected: before?.version ?? null, next: shown(size), requireActive: false };
      await index.changeKey({ bucket: BUCKET, key: 'k' }, change);
      expect(find('photos', 'k')).toEqual({ bucket, document: shown(size) });
    }
    expect(find('', 'k')).toBeUndefined();
    expect(() => find('photos', '\ud800')).toThrow(TypeError);
    await index.close();
    expect(() => find('photos', 'k')).toThrow('closed');
  });
});
