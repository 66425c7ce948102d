import { createHash } from 'node:crypto';

const BLOCK = 1 << 20;

/** One block of pseudo-random bytes (xorshift32): the same seed gives the same bytes on every machine. */
function block(seed: number, length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = (Math.imul(seed, 2_654_435_761) ^ 0x9e37_79b9) | 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

function* blocks(seed: number, length: number): Generator<Uint8Array> {
  for (let offset = 0, index = 0; offset < length; offset += BLOCK, index++)
    yield block(seed + index * 7919, Math.min(BLOCK, length - offset));
}

/** `length` bytes that only `seed` decides. */
export function bytesOf(seed: number, length: number): Uint8Array {
  return Buffer.concat([...blocks(seed, length)]);
}

/** The bytes of `bytesOf` as a stream of chunks of odd sizes, never whole in memory. */
export async function* streamOf(seed: number, length: number): AsyncGenerator<Uint8Array> {
  const sizes = [1, 70_001, 16_384, 3, 262_144];
  let turn = 0;
  for (const part of blocks(seed, length)) {
    for (let at = 0; at < part.length;) {
      const size = sizes[turn++ % sizes.length] ?? BLOCK;
      yield part.subarray(at, at + size);
      at += size;
    }
    await Promise.resolve();
  }
}

/** The stream of `streamOf` that throws `error` after `after` bytes. */
export async function* brokenStream(seed: number, after: number, error: Error): AsyncGenerator<Uint8Array> {
  yield* streamOf(seed, after);
  throw error;
}

export interface Digest {
  readonly sha256: string;
  readonly md5: string;
  readonly size: number;
}

/** Hashes a stream without keeping its chunks. */
export async function digestOf(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Digest> {
  const sha256 = createHash('sha256');
  const md5 = createHash('md5');
  let size = 0;
  for await (const chunk of body) {
    sha256.update(chunk);
    md5.update(chunk);
    size += chunk.length;
  }
  return { sha256: sha256.digest('hex'), md5: md5.digest('hex'), size };
}

export function digestOfSeed(seed: number, length: number): Promise<Digest> {
  return digestOf(blocks(seed, length));
}

/** Copies a body into one buffer: for small objects. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
