import { requireBucketId } from '../document-rules.js';
import { compareUtf8, requireKey } from '../key-order.js';
import { IndexError } from '../object-index.js';
import type { KeyAddress } from '../object-index.js';
import type { BucketId } from '../records.js';

/** As lmdb's, so that what one profile takes the other takes too. MongoDB itself sets no limit short of a document's 16 MB. */
export const MAX_ID_BYTES = 1978;

/** A range of `_id`, in MongoDB's own words. */
export type IdRange = { readonly $gte: string; readonly $lt: string } | { readonly $gt: string; readonly $lt: string };

/**
 * The `_id` of a key's document: bucket id, NUL, key. MongoDB compares strings as their UTF-8 bytes where no collation is given, so that its order is the index's;
 * binary ids would not do, since MongoDB orders those by length first.
 */
export function idOf(address: KeyAddress): string {
  requireKey(address.key);
  const id = bucketStart(address.bucket) + address.key;
  requireRoom(`the key of bucket ${address.bucket}`, id);
  return id;
}

/** What every `_id` and every permit of the bucket begins with: NUL ends a bucket's id before any character could. */
export function bucketStart(bucket: BucketId): string {
  requireBucketId(bucket);
  return `${bucket}\0`;
}

/** The address again. */
export function addressOf(id: string): KeyAddress {
  const end = id.indexOf('\0');
  // Written with ids of this type; text read back has lost the brand only.
  return { bucket: id.slice(0, end) as BucketId, key: id.slice(end + 1) };
}

/** Throws `too-large` for what the index does not hold. */
export function requireRoom(what: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_ID_BYTES) return;
  throw new IndexError('too-large', `${what} takes ${bytes} bytes in the index, more than ${MAX_ID_BYTES}`);
}

const LAST_CHARACTER = 0x10ffff;
const BEFORE_SURROGATES = 0xd7ff;
const AFTER_SURROGATES = 0xe000;

/** The least text after all that begin with `text`, in the order of UTF-8 bytes, which is the order of code points. `text` must hold a character that is not the last of all. */
export function afterAll(text: string): string {
  const characters = Array.from(text);
  for (let last = characters.pop(); last !== undefined; last = characters.pop()) {
    const code = last.codePointAt(0) ?? LAST_CHARACTER;
    if (code === LAST_CHARACTER) continue;
    return characters.join('') + String.fromCodePoint(code === BEFORE_SURROGATES ? AFTER_SURROGATES : code + 1);
  }
  throw new TypeError('no text comes after all that begin with the last character');
}

/** All ids, and all permits, of the bucket. */
export function bucketRange(bucket: BucketId): { readonly $gte: string; readonly $lt: string } {
  const start = bucketStart(bucket);
  return { $gte: start, $lt: afterAll(start) };
}

/** The ids of the bucket's keys with this prefix, after `after`; undefined when there can be none. */
export function rangeOf(bucket: BucketId, prefix: string, after: string): IdRange | undefined {
  const first = bucketStart(bucket) + prefix;
  const end = afterAll(first);
  const marked = bucketStart(bucket) + after;
  if (after === '' || compareUtf8(marked, first) < 0) return { $gte: first, $lt: end };
  return compareUtf8(marked, end) < 0 ? { $gt: marked, $lt: end } : undefined;
}

/** What is left of a range from `start` on. */
export function restFrom(start: string, range: IdRange): IdRange | undefined {
  return compareUtf8(start, range.$lt) < 0 ? { $gte: start, $lt: range.$lt } : undefined;
}
