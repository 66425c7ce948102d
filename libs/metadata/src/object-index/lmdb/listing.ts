import type { Transaction } from 'lmdb';
import type { Listing, ListedKey, ListOptions } from '../object-index.js';
import { MAX_PAGE, commonPrefixOf, requireLimit, requireWellFormed } from '../key-order.js';
import type { BucketId } from '../records.js';
import { MAX_ADDRESS_BYTES, bucketStart, justAfter, successor } from './addresses.js';
import type { AddressRange } from './addresses.js';
import type { Tables } from './environment.js';
import { decodeKeyDocument, hasCurrent } from '../stored-form.js';
import { Turns, otherWork } from './walk.js';

/** The addresses of the bucket's keys with this prefix, after `after`; undefined when there can be none. */
export function rangeOf(bucket: BucketId, prefix: string, after: string): AddressRange | undefined {
  const base = bucketStart(bucket);
  const first = Buffer.from(base + prefix);
  if (first.length > MAX_ADDRESS_BYTES) return undefined;
  const end = successor(first);
  const marked = after === '' ? first : justAfter(base + after);
  const start = Buffer.compare(marked, first) > 0 ? marked : first;
  return Buffer.compare(start, end) < 0 ? { start, end } : undefined;
}

interface Found {
  readonly keys: ListedKey[];
  readonly commonPrefixes: string[];
  last: string | undefined;
}

/**
 * One page of a listing on one snapshot. Past a common prefix it seeks instead of walking, so its cost is by entries shown, plus the
 * documents without a current record that lie between; for those it gives way to other work now and then.
 */
export async function listPage(
  tables: Tables,
  snapshot: Transaction,
  bucket: BucketId,
  options: ListOptions,
): Promise<Listing> {
  const { prefix = '', delimiter = '', marker = '', limit } = options;
  const page: Found = { keys: [], commonPrefixes: [], last: undefined };
  const base = bucketStart(bucket);
  let range = firstRange(bucket, { prefix, delimiter, marker });
  const turns = new Turns();
  while (range !== undefined && limit > 0) {
    let rest: AddressRange | undefined;
    for (const { key: address, value } of tables.keys.getRange({ ...range, transaction: snapshot })) {
      if (turns.isOver()) await otherWork();
      if (!hasCurrent(value)) continue;
      const key = String(address).slice(base.length);
      if (page.keys.length + page.commonPrefixes.length === limit) return finish(page, true);
      const common = commonPrefixOf(key, prefix, delimiter);
      page.last = common ?? key;
      if (common === undefined) {
        page.keys.push({ key, document: decodeKeyDocument(value) });
      } else {
        page.commonPrefixes.push(common);
        rest = { start: successor(Buffer.from(base + common)), end: range.end };
        break;
      }
    }
    range = rest;
  }
  return finish(page, false);
}

/** Throws before a snapshot is taken: `RangeError` for a limit that is none, `TypeError` for text that is not well-formed. */
export function requireListOptions({ prefix = '', delimiter = '', marker = '', limit }: ListOptions): void {
  requireLimit(limit, MAX_PAGE);
  requireWellFormed('a prefix', prefix);
  requireWellFormed('a delimiter', delimiter);
  requireWellFormed('a marker', marker);
}

/** A marker at or under a common prefix has been answered by it: everything under it is skipped. */
function firstRange(
  bucket: BucketId,
  { prefix, delimiter, marker }: Record<'prefix' | 'delimiter' | 'marker', string>,
) {
  const range = rangeOf(bucket, prefix, marker);
  const common = marker.startsWith(prefix) ? commonPrefixOf(marker, prefix, delimiter) : undefined;
  if (range === undefined || common === undefined) return range;
  const start = successor(Buffer.from(bucketStart(bucket) + common));
  // A common prefix longer than any key hides nothing, and lmdb could not seek to its end.
  if (start.length > MAX_ADDRESS_BYTES) return range;
  return Buffer.compare(start, range.end) < 0 ? { start, end: range.end } : undefined;
}

function finish({ keys, commonPrefixes, last }: Found, isTruncated: boolean): Listing {
  return { keys, commonPrefixes, isTruncated, ...(isTruncated && last !== undefined ? { nextMarker: last } : {}) };
}
