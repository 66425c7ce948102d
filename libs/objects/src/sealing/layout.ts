import type { ByteRange } from '#libs/backends';

/** Plain bytes in each chunk of a sealed object; the last has fewer, and that of an empty object none. */
export const CHUNK_BYTES = 64 * 1024;
/** What authenticates a chunk, behind its bytes. */
export const TAG_BYTES = 16;
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

/** Number of the last chunk of an object of so many plain bytes, from 0. */
export function lastChunkOf(size: number): number {
  return Math.max(0, Math.ceil(size / CHUNK_BYTES) - 1);
}

/** How many bytes an object of so many plain ones has once it is sealed. */
export function sealedSize(size: number): number {
  return size + (lastChunkOf(size) + 1) * TAG_BYTES;
}

/** The plain size of so many sealed bytes; undefined where no object has that many. */
export function plainSize(sealed: number): number | undefined {
  const size = sealed - Math.ceil(sealed / SEALED_CHUNK_BYTES) * TAG_BYTES;
  return size >= 0 && sealedSize(size) === sealed ? size : undefined;
}

/** The whole chunks that hold a range of plain bytes. */
export interface ChunkSpan {
  readonly first: number;
  readonly last: number;
  /** Where they lie among the sealed bytes. */
  readonly sealed: ByteRange;
  /** Plain bytes before the range in the first chunk. */
  readonly skip: number;
  /** Plain bytes of the range. */
  readonly length: number;
}

/** The chunks of an object of that size that a range needs; without one, all. */
export function spanOf(size: number, range?: ByteRange): ChunkSpan {
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const first = Math.floor(start / CHUNK_BYTES);
  const last = Math.max(first, Math.floor(end / CHUNK_BYTES));
  return {
    first,
    last,
    sealed: { start: first * SEALED_CHUNK_BYTES, end: Math.min((last + 1) * SEALED_CHUNK_BYTES, sealedSize(size)) - 1 },
    skip: start - first * CHUNK_BYTES,
    length: end - start + 1,
  };
}

/** Plain bytes of one chunk of an object of that size. */
export function bytesOfChunk(size: number, chunk: number): number {
  return Math.min(CHUNK_BYTES, size - chunk * CHUNK_BYTES);
}

/**
 * The nonce of a chunk: its number and whether it is the last, so that none can be moved, left out or put behind the end (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, 2015).
 * Every object has a data key of its own, which is why the nonces may be the same for all.
 */
export function nonceOf(chunk: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(chunk, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
