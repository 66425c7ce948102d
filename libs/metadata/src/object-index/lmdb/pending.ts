import type { Transaction } from 'lmdb';
import type { KeyAddress, Versioned } from '../object-index.js';
import { isPending, requireBucketId } from '../document-rules.js';
import { requireWellFormed } from '../key-order.js';
import type { BucketId, KeyDocument } from '../records.js';
import { bucketStart, justAfter, successor } from './addresses.js';
import type { AddressRange } from './addresses.js';
import type { Tables } from './environment.js';
import { decodeKeyDocument } from '../stored-form.js';
import { takeSome } from './walk.js';

/** Before and after every address: no id begins with NUL, and no UTF-8 text holds a byte 0xFF. */
const EVERYWHERE: AddressRange = { start: Buffer.from([0x01]), end: Buffer.from([0xff]) };

/** Where pending documents of the bucket, or of all, lie after `after`; undefined when there can be none. */
export function pendingRange(bucket: BucketId | undefined, after: KeyAddress | undefined): AddressRange | undefined {
  const whole = bucket === undefined ? EVERYWHERE : wholeBucket(bucket);
  if (after === undefined) return whole;
  requireBucketId(after.bucket);
  requireWellFormed('the key to go on after', after.key);
  const marked = justAfter(`${after.bucket}\0${after.key}`);
  const start = Buffer.compare(marked, whole.start) > 0 ? marked : whole.start;
  return Buffer.compare(start, whole.end) < 0 ? { start, end: whole.end } : undefined;
}

function wholeBucket(bucket: BucketId): AddressRange {
  const start = Buffer.from(bucketStart(bucket));
  return { start, end: successor(start) };
}

/** The documents the pending table names, from the same snapshot. One that is not pending any more is passed over. */
export function readPending(
  tables: Tables,
  transaction: Transaction,
  range: AddressRange,
  limit: number,
): Promise<(KeyAddress & Versioned<KeyDocument>)[]> {
  return takeSome(tables.pending.getRange({ ...range, transaction }), limit, ({ key }) => {
    const address = String(key);
    const entry = tables.keys.getEntry(address, { transaction });
    if (entry === undefined) return undefined;
    const value = decodeKeyDocument(entry.value);
    return isPending(value) ? { ...splitAddress(address), value, version: entry.version ?? 0 } : undefined;
  });
}

function splitAddress(address: string): KeyAddress {
  const end = address.indexOf('\0');
  // The table was written with ids of this type; text read back has lost the brand only.
  return { bucket: address.slice(0, end) as BucketId, key: address.slice(end + 1) };
}
