import type { Transaction } from 'lmdb';
import type { Listing, ListedKey, ListOptions } from '../object-index.js';
import { MAX_PAGE, commonPrefixOf, requireLimit, requireWellFormed } from '../key-order.js';
import type { BucketId } from '../records.js';
import { MAX_ADDRESS_BYTES, bucketStart, justAfter, successor } from './addresses.js';
import type { AddressRange } from './addresses.js';
import type { Tables } from './environment.js';
import { KeysOfSnapshot } from './snapshot-keys.js';
import { decodeKeyDocument, hasCurrent } from '../stored-form.js';
import { Turns, otherWork } from './walk.js';

/** At the so-manyth further key under a common prefix it is sought past: a seek costs as much as some four steps, and a prefix with many keys must not pay for both. */
const STEPS = 2;

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
 * One page of a listing on the snapshot, which must be the newest state of the store and taken in this turn. Past a common prefix it seeks instead of walking, so its cost is by entries shown, plus the
 * documents without a current record that lie between; for those it gives way to other work now and then.
 */
export async function listPage(
  tables: Tables,
  snapshot: Transaction,
  bucket: BucketId,
  options: ListOptions,
): Promise<Listing> {
  const { prefix = '', delimiter = '', marker = '', limit } = options;
  const range = firstRange(bucket, { prefix, delimiter, marker });
  const page: Found = { keys: [], commonPrefixes: [], last: undefined };
  if (range === undefined || limit === 0) return finish(page, false);
  if (delimiter !== '') return foldedPage(new KeysOfSnapshot(tables, snapshot), bucket, { ...options, range });
  const from = bucketStart(bucket).length;
  const turns = new Turns();
  for (const { key: address, value } of tables.keys.getRange({ ...range, transaction: snapshot })) {
    if (turns.isOver()) await otherWork();
    if (!hasCurrent(value)) continue;
    if (page.keys.length === limit) return finish(page, true);
    const key = String(address).slice(from);
    page.last = key;
    page.keys.push({ key, document: decodeKeyDocument(value) });
  }
  return finish(page, false);
}

/** A page with common prefixes. Of their keys none is decoded, and no cursor is made anew for each: those two were three quarters of what a page cost. */
async function foldedPage(
  keys: KeysOfSnapshot,
  bucket: BucketId,
  options: ListOptions & { readonly range: AddressRange },
): Promise<Listing> {
  const { prefix = '', delimiter = '', limit, range: whole } = options;
  const page: Found = { keys: [], commonPrefixes: [], last: undefined };
  const base = bucketStart(bucket);
  const turns = new Turns();
  let shown: string | undefined;
  let range: AddressRange | undefined = whole;
  while (range !== undefined) {
    let rest: AddressRange | undefined;
    let steps = 0;
    for (const address of keys.walk(range)) {
      if (shown !== undefined && address.startsWith(shown)) {
        steps += 1;
        if (steps < STEPS) continue;
        rest = { start: successor(Buffer.from(shown)), end: whole.end };
        break;
      }
      if (turns.isOver()) await keys.giveWay();
      if (!keys.hasCurrent(address)) continue;
      if (page.keys.length + page.commonPrefixes.length === limit) return finish(page, true);
      steps = 0;
      const key = address.slice(base.length);
      const common = commonPrefixOf(key, prefix, delimiter);
      page.last = common ?? key;
      shown = common === undefined ? undefined : base + common;
      if (common === undefined) page.keys.push({ key, document: keys.documentOf(address) });
      else page.commonPrefixes.push(common);
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
