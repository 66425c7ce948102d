import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHUNK_BYTES, isObjectsError, plainSize, sealedSize } from '../src/index.js';
import { nonceOf, spanOf } from '../src/sealing/layout.js';
import { sealBytes, sealStream } from '../src/sealing/seal.js';
import { unsealBytes, unsealStream } from '../src/sealing/unseal.js';

const KEY = Buffer.alloc(32, 3);
/** Sizes around the borders of chunks. */
const size = fc
  .tuple(fc.nat({ max: 3 }), fc.integer({ min: -2, max: 2 }))
  .map(([chunks, by]) => Math.max(0, chunks * CHUNK_BYTES + by));
const anySize = fc.oneof(size, fc.nat({ max: 3 * CHUNK_BYTES }));

function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 31 + (at >> 8)) & 255;
  return bytes;
}

/** In pieces of these lengths by turns. */
async function* inPieces(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.byteLength; turn += 1) {
    const next = at + (lengths[turn % lengths.length] ?? bytes.byteLength);
    yield await Promise.resolve(bytes.subarray(at, next));
    at = next;
  }
}
const pieces = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 4 });

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of source) all.push(chunk);
  return Buffer.concat(all);
}

/** What is let out before the failure, and the code of that. */
async function opened(
  sealed: Uint8Array,
  plain: { size: number; range?: { start: number; end: number } },
  lengths: readonly number[] = [],
  key: Uint8Array = KEY,
): Promise<{ bytes: Buffer; code: string }> {
  const all: Uint8Array[] = [];
  try {
    const span = spanOf(plain.size, plain.range);
    const source = inPieces(sealed.subarray(span.sealed.start, span.sealed.end + 1), lengths);
    for await (const chunk of unsealStream({ dataKey: key, size: plain.size, span }, source)) all.push(chunk);
    return { bytes: Buffer.concat(all), code: 'done' };
  } catch (error) {
    if (!isObjectsError(error)) throw error;
    return { bytes: Buffer.concat(all), code: error.code };
  }
}

describe('sealed bytes', () => {
  it('are the same by stream and at once, of the size that is said, and open again', async () => {
    await fc.assert(
      fc.asyncProperty(anySize, pieces, pieces, async (length, in1, in2) => {
        const plain = bytesOf(length);
        const sealed = await gather(sealStream(KEY, inPieces(plain, in1)));
        expect(sealed.equals(sealBytes(KEY, plain))).toBe(true);
        expect(sealed.byteLength).toBe(sealedSize(length));
        expect(plainSize(sealed.byteLength)).toBe(length);
        const { bytes, code } = await opened(sealed, { size: length }, in2);
        expect([code, bytes.equals(plain)]).toEqual(['done', true]);
      }),
      { numRuns: 60 },
    );
  });

  it('open for any range from the chunks that hold it alone', async () => {
    const whole = fc
      .integer({ min: 1, max: 3 * CHUNK_BYTES })
      .chain((length) => fc.tuple(fc.constant(length), fc.nat({ max: length - 1 }), fc.nat({ max: length - 1 })));
    await fc.assert(
      fc.asyncProperty(whole, pieces, async ([length, a, b], lengths) => {
        const plain = bytesOf(length);
        const range = { start: Math.min(a, b), end: Math.max(a, b) };
        const { sealed: needed } = spanOf(length, range);
        const chunks = Math.floor(range.end / CHUNK_BYTES) - Math.floor(range.start / CHUNK_BYTES) + 1;
        expect(needed.end - needed.start + 1).toBeLessThanOrEqual(chunks * (CHUNK_BYTES + 16));
        const { bytes, code } = await opened(sealBytes(KEY, plain), { size: length, range }, lengths);
        expect([code, bytes.equals(plain.subarray(range.start, range.end + 1))]).toEqual(['done', true]);
        const span = spanOf(length, range);
        const needs = sealBytes(KEY, plain).subarray(span.sealed.start, span.sealed.end + 1);
        const atOnce = unsealBytes({ dataKey: KEY, size: length, span }, needs);
        expect(atOnce && bytes.equals(atOnce)).toBe(true);
        expect(unsealBytes({ dataKey: KEY, size: length, span }, needs.subarray(0, -1))).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it('let out nothing of a chunk in which any bit was flipped, and nothing behind it', async () => {
    await fc.assert(
      fc.asyncProperty(anySize, fc.nat(), fc.nat({ max: 7 }), async (length, where, bit) => {
        const plain = bytesOf(length);
        const sealed = Buffer.from(sealBytes(KEY, plain));
        const at = where % sealed.byteLength;
        sealed[at] = (sealed[at] ?? 0) ^ (1 << bit);
        const { bytes, code } = await opened(sealed, { size: length });
        expect(code).toBe('damaged');
        expect(bytes.equals(plain.subarray(0, Math.floor(at / (CHUNK_BYTES + 16)) * CHUNK_BYTES))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('show a truncation at every border, also where the record was cut with it', async () => {
    const length = 2 * CHUNK_BYTES + 5;
    const sealed = sealBytes(KEY, bytesOf(length));
    for (const cut of [0, 1, CHUNK_BYTES, CHUNK_BYTES + 16, 2 * (CHUNK_BYTES + 16), sealed.byteLength - 1])
      expect((await opened(sealed.subarray(0, cut), { size: length })).code).toBe('backend-unavailable');
    // Whole chunks, and a size that agrees with them: the last does not say that it is.
    for (const chunks of [1, 2]) {
      const shorter = sealed.subarray(0, chunks * (CHUNK_BYTES + 16));
      expect((await opened(shorter, { size: chunks * CHUNK_BYTES })).code).toBe('damaged');
    }
  });

  it('show what was put behind the end', async () => {
    const sealed = sealBytes(KEY, bytesOf(CHUNK_BYTES));
    const span = spanOf(CHUNK_BYTES);
    const longer = inPieces(Buffer.concat([sealed, sealed]), [sealed.byteLength]);
    await expect(gather(unsealStream({ dataKey: KEY, size: CHUNK_BYTES, span }, longer))).rejects.toMatchObject({
      code: 'damaged',
    });
  });

  it('show chunks in another order, twice, or of another object', async () => {
    const sealedChunk = CHUNK_BYTES + 16;
    const length = 3 * CHUNK_BYTES;
    const sealed = sealBytes(KEY, Buffer.alloc(length));
    const [a, b, c] = [0, 1, 2].map((at) => sealed.subarray(at * sealedChunk, (at + 1) * sealedChunk));
    const strange = sealBytes(Buffer.alloc(32, 4), Buffer.alloc(length)).subarray(0, sealedChunk);
    for (const order of [
      [b, a, c],
      [a, a, c],
      [a, c, b],
      [c, b, a],
      [strange, b, c],
    ])
      expect((await opened(Buffer.concat(order as Buffer[]), { size: length })).code).toBe('damaged');
  });

  it('do not open with another key', async () => {
    const sealed = sealBytes(KEY, bytesOf(10));
    expect((await opened(sealed, { size: 10 }, [], Buffer.alloc(32, 4))).code).toBe('damaged');
  });

  it('never end like a whole object where their source failed', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(bytesOf(CHUNK_BYTES));
      throw new TypeError('cut');
    };
    const out: Uint8Array[] = [];
    const seal = async (): Promise<void> => {
      for await (const chunk of sealStream(KEY, failing())) out.push(chunk);
    };
    await expect(seal()).rejects.toThrow('cut');
    expect(out).toEqual([]);
  });

  it('have no two chunks of one nonce', () => {
    const nonces = [0, 1, 2, 255, 256, 2 ** 32 - 1].flatMap((chunk) => [nonceOf(chunk, false), nonceOf(chunk, true)]);
    expect(new Set(nonces.map((nonce) => nonce.toString('hex'))).size).toBe(12);
  });

  it('have sizes of which those between two objects are nobody’s', () => {
    expect(plainSize(0)).toBeUndefined();
    expect(plainSize(15)).toBeUndefined();
    expect(plainSize(16)).toBe(0);
    expect(plainSize(CHUNK_BYTES + 16)).toBe(CHUNK_BYTES);
    expect(plainSize(CHUNK_BYTES + 17)).toBeUndefined();
    expect(plainSize(CHUNK_BYTES + 32)).toBeUndefined();
    expect(plainSize(CHUNK_BYTES + 33)).toBe(CHUNK_BYTES + 1);
  });
});
