import type { Transaction } from 'lmdb';
import type { Listing, ListOptions, ShownKey } from '../object-index.js';
import { MAX_PAGE, commonPrefixOf, requireLimit, requireWellFormed } from '../key-order.js';
import type { BucketId } from '../records.js';
import { MAX_ADDRESS_BYTES, bucketStart, justAfter, successor } from './addresses.js';
import type { AddressRange } from './addresses.js';
import type { Tables } from './environment.js';
import { KeysOfSnapshot } from './snapshot-keys.js';
import type { WalkedKey } from './snapshot-keys.js';
import { Turns } from './walk.js';

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
  readonly keys: ShownKey[];
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
  const keys = new KeysOfSnapshot(tables, snapshot);
  if (delimiter !== '') return foldedPage(keys, bucket, { ...options, range });
  const from = bucketStart(bucket).length;
  const turns = new Turns();
  for (const walked of keys.walk(range)) {
    const record = keys.shownRecord(walked);
    if (record) {
      if (page.keys.length === limit) return finish(page, true);
      page.last = walked.address.slice(from);
      page.keys.push({ key: page.last, record });
    }
    if (turns.isOver()) await keys.giveWay();
  }
  return finish(page, false);
}

/** A page with common prefixes. Of their keys none is decoded, and one cursor serves them all. */
async function foldedPage(
  keys: KeysOfSnapshot,
  bucket: BucketId,
  options: ListOptions & { readonly range: AddressRange },
): Promise<Listing> {
  const { range: whole } = options;
  const page = new FoldedPage(keys, bucketStart(bucket).length, options);
  const turns = new Turns();
  let range: AddressRange | undefined = whole;
  while (range !== undefined) {
    let rest: AddressRange | undefined;
    let steps = 0;
    for (const walked of keys.walk(range)) {
      if (page.isUnderLast(walked)) {
        steps += 1;
        if (steps < STEPS) continue;
        rest = { start: successor(Buffer.from(page.under)), end: whole.end };
        break;
      }
      if (keys.hasCurrent(walked)) {
        steps = 0;
        if (!page.add(walked)) return finish(page, true);
      }
      if (turns.isOver()) await keys.giveWay();
    }
    range = rest;
  }
  return finish(page, false);
}

/** Keys and common prefixes, in the order of their addresses. */
class FoldedPage implements Found {
  readonly keys: ShownKey[] = [];
  readonly commonPrefixes: string[] = [];
  last: string | undefined;
  /** What the addresses under the last common prefix begin with; empty while the last entry is a key. */
  under = '';

  constructor(
    private readonly snapshot: KeysOfSnapshot,
    /** Length of what stands before the key in an address. */
    private readonly base: number,
    private readonly options: ListOptions,
  ) {}

  isUnderLast({ address }: WalkedKey): boolean {
    return this.under !== '' && address.startsWith(this.under);
  }

  /** Adds the entry of a key that has a current record; false when it is one more than fit. */
  add(walked: WalkedKey): boolean {
    const { prefix = '', delimiter = '', limit } = this.options;
    if (this.keys.length + this.commonPrefixes.length === limit) return false;
    const key = walked.address.slice(this.base);
    const common = commonPrefixOf(key, prefix, delimiter);
    this.last = common ?? key;
    // Cut out of the address, not put together: text that was put together is copied before it can be compared.
    this.under = common === undefined ? '' : walked.address.slice(0, this.base + common.length);
    if (common !== undefined) this.commonPrefixes.push(common);
    else this.#addKey(key, walked);
    return true;
  }

  #addKey(key: string, walked: WalkedKey): void {
    const record = this.snapshot.shownRecord(walked);
    if (record) this.keys.push({ key, record });
  }
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
