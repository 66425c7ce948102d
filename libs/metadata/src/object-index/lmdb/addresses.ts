import { IndexError } from '../object-index.js';
import type { KeyAddress } from '../object-index.js';
import { requireBucketId } from '../document-rules.js';
import { requireKey } from '../key-order.js';
import type { BucketId } from '../records.js';

/** The most bytes lmdb takes as a key with 4 KiB pages; one more is refused by the library itself, but only after it has scheduled the write. */
export const MAX_ADDRESS_BYTES = 1978;

/** What the tables are addressed by: text, or bytes where a seek goes between two texts. */
export type TableKey = string | Uint8Array;

/**
 * Keys as their plain UTF-8 bytes, so that lmdb's order is the index's by construction.
 * `RangeError` is what lmdb expects when its buffer has no room: it then takes a new buffer and asks again.
 */
export const utf8Keys = {
  writeKey(key: TableKey, target: Buffer, start: number): number {
    if (typeof key !== 'string') {
      target.set(key, start);
      return start + key.length;
    }
    // A character takes at most 3 bytes a UTF-16 unit: only near the end of the buffer is the exact size worth counting.
    if (key.length * 3 > target.length - start && Buffer.byteLength(key) > target.length - start)
      throw new RangeError('no room for the key');
    return start + target.write(key, start, 'utf8');
  },
  readKey(source: Buffer, start: number, end: number): string {
    return source.toString('utf8', start, end);
  },
};

/** A range of addresses: from `start`, included, to before `end`. */
export interface AddressRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

/** Bucket id, NUL, key: buckets lie one after the other, and NUL ends an id before any character could. */
export function addressOf(address: KeyAddress): string {
  requireBucketId(address.bucket);
  requireKey(address.key);
  const text = `${address.bucket}\0${address.key}`;
  requireRoom(`the key of bucket ${address.bucket}`, text);
  return text;
}

/** What every address of the bucket begins with. */
export function bucketStart(bucket: BucketId): string {
  requireBucketId(bucket);
  requireRoom('a bucket id', bucket);
  return `${bucket}\0`;
}

/** Throws `too-large` before lmdb sees what it cannot hold. */
export function requireRoom(what: string, text: string): void {
  if (hasRoom(text)) return;
  const bytes = Buffer.byteLength(text);
  throw new IndexError('too-large', `${what} takes ${bytes} bytes in the index, more than ${MAX_ADDRESS_BYTES}`);
}

/**
 * The least bytes after all that begin with `bytes`. Right for any UTF-8 text that is not empty: its last byte is at most 0xBF
 * (or 0x7F alone), so that adding one never carries.
 */
export function successor(bytes: Uint8Array): Buffer {
  const next = Buffer.from(bytes);
  const last = next.length - 1;
  next[last] = (next[last] ?? 0) + 1;
  return next;
}

/**
 * Where a range begins that comes after `text`. A text too long to be stored is cut: of the stored texts that begin with the cut,
 * which fills all the room there is, the only one is the cut itself, and it lies before the whole.
 */
export function justAfter(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  return bytes.length <= MAX_ADDRESS_BYTES ? bytes : successor(bytes.subarray(0, MAX_ADDRESS_BYTES));
}

/** True when lmdb can hold the text as a key. */
export function hasRoom(text: string): boolean {
  return text.length * 3 <= MAX_ADDRESS_BYTES || Buffer.byteLength(text) <= MAX_ADDRESS_BYTES;
}
