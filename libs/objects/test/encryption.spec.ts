import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BackendError, TOKEN_KINDS } from '#libs/backends';
import type { BucketDocument } from '#libs/metadata';
import { limitsOf } from '#libs/naming';
import {
  CHUNK_BYTES,
  copyObject,
  createBucket,
  encryptBucket,
  ensureContainer,
  listObjects,
  moveObject,
  putObject,
  renameObject,
  requireBucket,
  restampObject,
  sealedSize,
} from '../src/index.js';
import { masterKey } from './simulation/data-keys.js';
import { ACTOR, makePlatform } from './simulation/platform.js';
import { SealedObjects, someBytes } from './simulation/sealed-objects.js';

const SECRET = Buffer.from('nobody at the vendor may read this sentence');
const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

describe.each(TOKEN_KINDS)('an encrypted bucket on a backend whose tokens are %s', (tokens) => {
  let at: SealedObjects;
  let bucket: BucketDocument;
  let plain: BucketDocument;
  beforeEach(async () => {
    at = new SealedObjects(tokens);
    bucket = await at.makeBucket('sealed', true);
    plain = await at.makeBucket('plain', false);
  });

  it('keeps ciphertext at the vendor and shows size, ETag and listing of the plain bytes (A19)', async () => {
    const record = await at.write(bucket, 'k', SECRET);
    const stored = await at.stored(record);
    expect(stored.includes(SECRET.subarray(0, 8))).toBe(false);
    expect(stored.byteLength).toBe(sealedSize(SECRET.byteLength));
    expect(record).toMatchObject({ size: SECRET.byteLength, etag: md5(SECRET), metadata: { of: 'k' } });
    const listing = await listObjects(at.platform.engine, { bucket, maxKeys: 10 });
    expect(listing.objects.map(({ record: { size, etag } }) => [size, etag])).toEqual([
      [SECRET.byteLength, md5(SECRET)],
    ]);
    expect(await at.read(bucket, 'k')).toEqual({ bytes: SECRET, code: 'done' });
    const other = await at.write(plain, 'k', SECRET);
    expect((await at.stored(other)).equals(SECRET)).toBe(true);
  });

  it('never seals two objects, nor two writes of one, under one data key', async () => {
    const seen = new Set<string>();
    for (const key of ['a', 'b', 'a']) seen.add((await at.stored(await at.write(bucket, key, SECRET))).toString('hex'));
    expect(seen.size).toBe(3);
  });

  it('gives every range of every size, and asks the vendor for no more than its chunks', async () => {
    const size = fc.constantFrom(
      1,
      CHUNK_BYTES - 1,
      CHUNK_BYTES,
      CHUNK_BYTES + 1,
      2 * CHUNK_BYTES,
      2 * CHUNK_BYTES + 9,
    );
    const range = size.chain((length) =>
      fc.tuple(fc.constant(length), fc.nat({ max: length - 1 }), fc.nat({ max: length - 1 })),
    );
    await fc.assert(
      fc.asyncProperty(range, async ([length, a, b]) => {
        const bytes = someBytes(length);
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        await at.write(bucket, 'k', bytes);
        at.gets.length = 0;
        const read = await at.read(bucket, 'k', { from, to });
        expect([read.code, read.bytes.equals(bytes.subarray(from, to + 1))]).toEqual(['done', true]);
        const asked = at.gets[0]?.range;
        const chunks = Math.floor(to / CHUNK_BYTES) - Math.floor(from / CHUNK_BYTES) + 1;
        expect((asked?.end ?? 0) - (asked?.start ?? 0) + 1).toBeLessThanOrEqual(chunks * (CHUNK_BYTES + 16));
      }),
      { numRuns: 25 },
    );
  });

  it('keeps an empty object', async () => {
    const record = await at.write(bucket, 'k', Buffer.alloc(0));
    expect((await at.stored(record)).byteLength).toBe(16);
    expect(await at.read(bucket, 'k')).toEqual({ bytes: Buffer.alloc(0), code: 'done' });
    at.meddle = () => Buffer.alloc(16);
    expect(await at.read(bucket, 'k')).toEqual({ bytes: Buffer.alloc(0), code: 'damaged' });
  });

  it('takes a stream of unknown length, checks what its client said of the plain bytes, and stores nothing that is not so', async () => {
    const body = async function* (): AsyncGenerator<Uint8Array> {
      for (const part of [SECRET, someBytes(CHUNK_BYTES), SECRET]) yield await Promise.resolve(part);
    };
    const put = (expected: object) =>
      putObject(at.platform.engine, ACTOR, {
        bucket,
        key: 'k',
        body: body(),
        expected,
        attributes: { headers: {}, metadata: {}, tags: {} },
      });
    await expect(put({ md5: Buffer.alloc(16).toString('base64') })).rejects.toMatchObject({ code: 'bad-digest' });
    await expect(put({ size: 5 })).rejects.toMatchObject({ code: 'body-too-long' });
    const { record } = await put({ size: 2 * SECRET.byteLength + CHUNK_BYTES });
    expect((await at.stored(record)).byteLength).toBe(sealedSize(record.size));
    expect((await at.read(bucket, 'k', { from: 0, to: 5 })).bytes).toEqual(SECRET.subarray(0, 6));
  });

  describe('whose vendor tampers', () => {
    const LENGTH = 2 * CHUNK_BYTES + 100;
    it('never passes on a flipped bit, whole or by range, and says so before the first byte where it can', async () => {
      const bytes = someBytes(LENGTH);
      await at.write(bucket, 'k', bytes);
      await fc.assert(
        fc.asyncProperty(fc.nat({ max: sealedSize(LENGTH) - 1 }), fc.nat({ max: 7 }), async (where, bit) => {
          at.meddle = (stored) => {
            stored[where] = (stored[where] ?? 0) ^ (1 << bit);
            return stored;
          };
          const { bytes: told, code } = await at.read(bucket, 'k');
          const sound = Math.floor(where / (CHUNK_BYTES + 16)) * CHUNK_BYTES;
          expect([code, told.equals(bytes.subarray(0, sound))]).toEqual(['damaged', true]);
        }),
        { numRuns: 20 },
      );
      at.meddle = (stored) => {
        stored[0] = (stored[0] ?? 0) ^ 1;
        return stored;
      };
      expect((await at.read(bucket, 'k', { from: 3, to: 7 })).code).toBe('damaged');
    });

    it('never passes on what was truncated, put in another order, or taken from another object', async () => {
      const chunk = CHUNK_BYTES + 16;
      const first = await at.write(bucket, 'k', someBytes(LENGTH));
      const second = await at.write(bucket, 'other', someBytes(LENGTH));
      const [mine, theirs] = [await at.stored(first), await at.stored(second)];
      const swapped = Buffer.concat([
        mine.subarray(chunk, 2 * chunk),
        mine.subarray(0, chunk),
        mine.subarray(2 * chunk),
      ]);
      const forgeries: [string, Buffer][] = [
        ['damaged', swapped],
        ['damaged', theirs],
        ['damaged', Buffer.concat([mine.subarray(0, 2 * chunk), theirs.subarray(2 * chunk)])],
        ['damaged', Buffer.concat([mine, mine.subarray(0, 1)])],
        ['damaged', mine.subarray(0, 2 * chunk)],
      ];
      for (const [code, forged] of forgeries) {
        at.meddle = () => Buffer.from(forged);
        const told = await at.read(bucket, 'k');
        expect(told.code).toBe(code);
        at.meddle = undefined;
        const truth = (await at.read(bucket, 'k')).bytes;
        expect(truth.subarray(0, told.bytes.byteLength).equals(told.bytes)).toBe(true);
      }
    });

    it('gives no range of an object that has become longer or shorter', async () => {
      await at.write(bucket, 'k', someBytes(LENGTH));
      for (const by of [1, 16, CHUNK_BYTES + 16, -1]) {
        at.claimedSize = sealedSize(LENGTH) + by;
        expect(await at.read(bucket, 'k', { from: 3, to: 7 })).toEqual({ bytes: Buffer.alloc(0), code: 'damaged' });
      }
    });

    it('never shows bytes that came from outside as the object, and keeps its record until an operator decides', async () => {
      const record = await at.write(bucket, 'k', SECRET);
      const backend = at.backend('m1');
      const { container, key } = record.placement;
      const attributes = { headers: {}, metadata: {}, tags: {} };
      const forged = Buffer.from('pay everything to mallory');
      await backend.put(ACTOR, { container, key, body: forged, attributes });
      // Where writes coexist the record's own still stands; else there is nothing left to show.
      if (tokens !== 'version' && tokens !== 'id') {
        expect((await at.read(bucket, 'k')).code).toBe('object-missing');
        expect(await at.record(bucket, 'k')).toEqual({ ...record, missing: true });
      } else {
        expect(await at.read(bucket, 'k')).toEqual({ bytes: SECRET, code: 'done' });
      }
    });
  });

  it('heals a record whose bytes were written again outside, with or without what lay beside them', async () => {
    const bytes = someBytes(CHUNK_BYTES + 5);
    const record = await at.write(bucket, 'k', bytes);
    const backend = at.backend('m1');
    const { container, key } = record.placement;
    const head = await backend.head(ACTOR, record.placement);
    for (const metadata of [head.metadata, {}]) {
      const current = await at.record(bucket, 'k');
      const body = await at.stored(current);
      await backend.delete(ACTOR, current.placement);
      await backend.put(ACTOR, { container, key, body, attributes: { headers: {}, metadata, tags: {} } });
      const { code, bytes: read } = await at.read(bucket, 'k');
      if (tokens === 'id') {
        expect(code).toBe('object-missing');
        return;
      }
      expect([code, read.equals(bytes)]).toEqual(['done', true]);
      expect(await at.record(bucket, 'k')).toMatchObject({ size: bytes.byteLength, etag: md5(bytes) });
      expect((await at.record(bucket, 'k')).metadata).not.toHaveProperty('spumoni-seal');
    }
  });

  it('goes on at its offset when the stream is cut', async () => {
    const bytes = someBytes(3 * CHUNK_BYTES + 7);
    await at.write(bucket, 'k', bytes);
    let cuts = 0;
    at.meddle = (stored) => {
      if (stored.byteLength <= CHUNK_BYTES + 16) return stored;
      cuts += 1;
      return stored.subarray(0, CHUNK_BYTES + 16 + 99);
    };
    expect((await at.read(bucket, 'k')).bytes.equals(bytes)).toBe(true);
    expect((await at.read(bucket, 'k', { from: 9, to: 2 * CHUNK_BYTES })).bytes).toEqual(
      bytes.subarray(9, 2 * CHUNK_BYTES + 1),
    );
    expect(cuts).toBeGreaterThan(3);
  });

  describe.each([
    { from: true, to: true },
    { from: true, to: false },
    { from: false, to: true },
  ])('copies (sealed: from $from, to $to)', ({ from, to }) => {
    it.each(['the same key', 'another key'])(
      'to another bucket, %s: readable there, sealed as it is there',
      async (how) => {
        const source = from ? bucket : plain;
        const destination = await at.makeBucket('third', to);
        const bytes = someBytes(CHUNK_BYTES + 9);
        const record = await at.write(source, 'k', bytes);
        const key = how === 'the same key' ? 'k' : 'k2';
        await copyObject(at.platform.engine, ACTOR, {
          source: { bucket: source, key: 'k' },
          destination: { bucket: destination, key },
        });
        const copy = await at.record(destination, key);
        expect((await at.read(destination, key)).bytes.equals(bytes)).toBe(true);
        expect(copy).toMatchObject({ size: record.size, etag: record.etag, metadata: { of: 'k' } });
        expect((await at.stored(copy)).equals(bytes)).toBe(!to);
        if (from && to) expect(at.platform.vendorCalls).toContain('copy');
      },
    );
  });

  it('copies and renames inside itself at the vendor, without a byte through here', async () => {
    const bytes = someBytes(CHUNK_BYTES);
    await at.write(bucket, 'k', bytes);
    at.gets.length = 0;
    const place = (key: string) => ({ bucket, key });
    await copyObject(at.platform.engine, ACTOR, { source: place('k'), destination: place('copy') });
    await renameObject(at.platform.engine, ACTOR, { source: place('copy'), destination: place('renamed') });
    expect(at.gets).toEqual([]);
    expect((await at.read(bucket, 'renamed')).bytes.equals(bytes)).toBe(true);
    expect((await at.read(bucket, 'k')).bytes.equals(bytes)).toBe(true);
    expect((await at.record(bucket, 'renamed')).sealing?.key).not.toBe((await at.record(bucket, 'k')).sealing?.key);
  });

  it('does not let one object’s wrapped key open another', async () => {
    const mine = await at.write(bucket, 'k', SECRET);
    await at.write(bucket, 'other', SECRET);
    const address = { bucket: bucket.id, key: 'other' };
    const found = await at.platform.index.getKey(address);
    if (!found?.value.current) throw new Error('no record');
    const { sealing, placement } = mine;
    const forged = { ...found.value.current, placement, ...(sealing ? { sealing } : {}) };
    const next = { ...found.value, current: forged };
    await at.platform.index.changeKey(address, { expected: found.version, next, requireActive: false });
    expect((await at.read(bucket, 'other')).code).toBe('damaged');
  });

  it.each([
    { name: 'stays sealed when it moves', encrypted: true, after: true, lies: 'sealed' },
    {
      name: 'stays sealed when it moves after encryption was switched off',
      encrypted: true,
      after: false,
      lies: 'sealed',
    },
    { name: 'is sealed when it moves after encryption was switched on', encrypted: false, after: true, lies: 'sealed' },
    { name: 'stays plain in a plain bucket', encrypted: false, after: false, lies: 'plain' },
  ])('an object $name to another backend', async ({ encrypted, after, lies }) => {
    const { engine, known } = at.platform;
    const home = encrypted ? bucket : plain;
    const bytes = someBytes(CHUNK_BYTES + 1);
    const before = await at.write(home, 'k', bytes);
    await encryptBucket(engine, home, after);
    const [, to] = known;
    if (!to) throw new Error('no second backend');
    const ready = await ensureContainer(engine, ACTOR, (await requireBucket(engine, home.id)).value, to);
    await moveObject(engine, ACTOR, { bucket: ready, key: 'k', to: 'm2' });
    const record = await at.record(home, 'k');
    expect(record).toMatchObject({ etag: before.etag, size: before.size, lastModified: before.lastModified });
    expect(record.placement.backend).toBe('m2');
    expect((await at.stored(record)).equals(bytes)).toBe(lies === 'plain');
    expect((await at.read(ready, 'k')).bytes.equals(bytes)).toBe(true);
  });

  it('changes attributes without touching the bytes', async () => {
    const bytes = someBytes(CHUNK_BYTES + 1);
    const before = await at.write(bucket, 'k', bytes);
    const attributes = { metadata: { colour: 'red' } };
    await restampObject(at.platform.engine, ACTOR, { bucket, key: 'k', attributes });
    const record = await at.record(bucket, 'k');
    expect(record).toMatchObject({ etag: before.etag, metadata: { colour: 'red' } });
    expect((await at.read(bucket, 'k')).bytes.equals(bytes)).toBe(true);
    const head = await at.backend('m1').head(ACTOR, record.placement);
    expect(head.metadata['spumoni-seal']).toBe(record.sealing?.key);
  });

  it('seals, by a copy onto itself, what was there before encryption was switched on', async () => {
    const { engine } = at.platform;
    await at.write(plain, 'k', SECRET);
    await encryptBucket(engine, plain, true);
    const { value: now } = await requireBucket(engine, plain.id);
    expect((await at.read(now, 'k')).bytes).toEqual(SECRET);
    const place = { bucket: now, key: 'k' };
    await copyObject(engine, ACTOR, { source: place, destination: place });
    const record = await at.record(now, 'k');
    expect((await at.stored(record)).includes(SECRET)).toBe(false);
    expect(record).toMatchObject({ etag: md5(SECRET), metadata: { of: 'k' } });
    expect((await at.read(now, 'k')).bytes).toEqual(SECRET);
  });

  it('takes no metadata of its own name from users', async () => {
    const attributes = { headers: {}, metadata: { 'spumoni-seal': 'v1.x.y' }, tags: {} };
    const put = { bucket, key: 'k', body: SECRET, expected: {}, attributes };
    await expect(putObject(at.platform.engine, ACTOR, put)).rejects.toMatchObject({ code: 'invalid-metadata' });
  });

  it('settles a put whose answer was lost, and finds damage on the way to the vendor', async () => {
    const lost = new BackendError('timeout', 'no answer');
    at.platform.fault = { operation: 'put', phase: 'after', error: lost };
    const write = at.write(bucket, 'k', SECRET);
    if (tokens === 'id') await expect(write).rejects.toMatchObject({ code: 'outcome-unknown' });
    else expect((await write).size).toBe(SECRET.byteLength);
  });
});

describe('an encrypted bucket whose master key', () => {
  it('is another one refuses to read, says which it needs, and reads again with the right one', async () => {
    const keys = { current: masterKey(1), ids: [masterKey(1).id], find: masterKey(1).find.bind(masterKey(1)) };
    const at = new SealedObjects('version', { keys });
    const bucket = await at.makeBucket('sealed', true);
    await at.write(bucket, 'k', SECRET);
    const right = { ...keys };
    const wrong = masterKey(2);
    Object.assign(keys, { current: wrong, ids: wrong.ids, find: wrong.find.bind(wrong) });
    expect(await at.read(bucket, 'k')).toEqual({ bytes: Buffer.alloc(0), code: 'key-unavailable' });
    expect((await at.record(bucket, 'k')).missing).toBeUndefined();
    Object.assign(keys, right);
    expect((await at.read(bucket, 'k')).bytes).toEqual(SECRET);
  });
});

describe('sealed sizes', () => {
  it('count against the vendor’s largest object', async () => {
    const platform = makePlatform({ tokens: { m1: 'version' } });
    const { engine } = platform;
    const { bucket } = await createBucket(engine, ACTOR, { name: 'sealed', backend: 'm1', encrypted: true });
    const { maxObjectBytes } = limitsOf((await engine.backends.open('m1')).vendor);
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(SECRET);
    };
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const put = { bucket, key: 'k', body: body(), expected: { size: maxObjectBytes - 1 }, attributes };
    await expect(putObject(engine, ACTOR, put)).rejects.toMatchObject({ code: 'too-large' });
  });
});
