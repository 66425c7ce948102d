import type { Listing, ListOptions, ShownKey } from '../object-index.js';
import { shownRecord } from '../document-rules.js';
import { MAX_PAGE, commonPrefixOf, requireLimit, requireWellFormed } from '../key-order.js';
import type { BucketId } from '../records.js';
import { addressOf, afterAll, bucketStart, rangeOf, restFrom } from './addresses.js';
import type { IdRange } from './addresses.js';
import { keyDocumentOf } from './documents.js';
import type { KeyEntry } from './documents.js';

/** Reads the first entries of a range that have a current record, in order. */
export type ReadShown = (range: IdRange, limit: number) => Promise<readonly KeyEntry[]>;

/** Entries read at first where a delimiter may make most of them one common prefix. */
const FIRST_BATCH = 64;

/** Throws before anything is read: `RangeError` for a limit that is none, `TypeError` for text that is not well-formed. */
export function requireListOptions({ prefix = '', delimiter = '', marker = '', limit }: ListOptions): void {
  requireLimit(limit, MAX_PAGE);
  requireWellFormed('a prefix', prefix);
  requireWellFormed('a delimiter', delimiter);
  requireWellFormed('a marker', marker);
}

/**
 * One page of a listing. Where a batch ends inside a common prefix, the next begins past it, so its cost is by entries shown; batches shrink where most entries fall under prefixes.
 * Keys that come or go while it reads may or may not be seen; those that stay are, once.
 */
export async function listPage(bucket: BucketId, options: ListOptions, read: ReadShown): Promise<Listing> {
  const page = new Page(bucket, options);
  let size = options.delimiter ? FIRST_BATCH : MAX_PAGE + 1;
  for (let range = firstRange(bucket, options); range !== undefined;) {
    const asked = Math.min(size, page.room + 1);
    const batch = await read(range, asked);
    const before = page.room;
    for (const entry of batch) if (!page.add(entry)) return page.finish(true);
    const last = batch.at(-1);
    if (last === undefined || batch.length < asked) break;
    range = restFrom(page.placeAfter(last), range);
    size = Math.max(2, 2 * (before - page.room));
  }
  return page.finish(false);
}

/** What a page holds so far. */
class Page {
  readonly #keys: ShownKey[] = [];
  readonly #commonPrefixes: string[] = [];
  #last: string | undefined;

  constructor(
    private readonly bucket: BucketId,
    private readonly options: ListOptions,
  ) {}

  /** Entries that still fit. */
  get room(): number {
    return this.options.limit - this.#keys.length - this.#commonPrefixes.length;
  }

  /** False when the entry is one more than fit. */
  add(entry: KeyEntry): boolean {
    const current = keyDocumentOf(entry)?.value.current;
    if (current === undefined) return true;
    const { key } = addressOf(entry._id);
    const common = this.#commonOf(key);
    if (common !== undefined && common === this.#last) return true;
    if (this.room === 0) return false;
    if (common === undefined) this.#keys.push({ key, record: shownRecord(current) });
    else this.#commonPrefixes.push(common);
    this.#last = common ?? key;
    return true;
  }

  /** Where to go on after the last entry read: past its common prefix, if it stands under one. */
  placeAfter({ _id }: KeyEntry): string {
    const common = this.#commonOf(addressOf(_id).key);
    return common === undefined ? `${_id}\0` : afterAll(bucketStart(this.bucket) + common);
  }

  finish(isTruncated: boolean): Listing {
    const next = isTruncated && this.#last !== undefined ? { nextMarker: this.#last } : {};
    return { keys: this.#keys, commonPrefixes: this.#commonPrefixes, isTruncated, ...next };
  }

  #commonOf(key: string): string | undefined {
    const { prefix = '', delimiter = '' } = this.options;
    return commonPrefixOf(key, prefix, delimiter);
  }
}

/** A marker at or under a common prefix has been answered by it: everything under it is skipped. */
function firstRange(bucket: BucketId, options: ListOptions): IdRange | undefined {
  const { prefix = '', delimiter = '', marker = '', limit } = options;
  const range = limit === 0 ? undefined : rangeOf(bucket, prefix, marker);
  const common = marker.startsWith(prefix) ? commonPrefixOf(marker, prefix, delimiter) : undefined;
  if (range === undefined || common === undefined) return range;
  return restFrom(afterAll(bucketStart(bucket) + common), range);
}
