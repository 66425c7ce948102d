import type { ListedEntry } from '#libs/backends';
import type { BucketContainer, BucketId, KeyDocument, ListedKey, ObjectRecord } from '#libs/metadata';
import { readBackendKey } from '../adopting/listed-keys.js';
import { isSameContainer } from '../buckets/erase-container.js';
import { MARKER_KEY } from '../buckets/marker.js';
import type { Engine } from '../engine.js';
import { SEGMENT_PREFIX } from '../uploads/segment-keys.js';

/** A stretch of the index, after one key and up to another (inclusive); absent: to the end. */
export interface Stretch {
  readonly bucket: BucketId;
  readonly after?: string;
  readonly upTo?: string;
}

const PAGE = 500;

/** The key documents of a stretch, page by page. */
export async function* documentsIn(engine: Engine, stretch: Stretch): AsyncGenerator<readonly ListedKey[]> {
  let { after } = stretch;
  for (;;) {
    const page = await engine.index.scan(stretch.bucket, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    const within = page.filter(({ key }) => stretch.upTo === undefined || compareKeys(key, stretch.upTo) <= 0);
    yield within;
    after = page.at(-1)?.key;
    if (after === undefined || page.length < PAGE || within.length < page.length) return;
  }
}

/** The order of the index: UTF-8 bytes. */
export function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** An entry of a vendor's listing under the key of Spumoni's that it stands for. */
export interface KeyedEntry {
  readonly key: string;
  readonly entry: ListedEntry;
}

/** What a page of a vendor's listing says, key by key. */
export class ListedPage {
  readonly objects = new Map<string, ListedEntry>();
  readonly noncurrent: KeyedEntry[] = [];
  /** Parts of uploads: Spumoni's own, and no objects. */
  readonly segments: KeyedEntry[] = [];
  /** Backend keys that no key of Spumoni's can name. */
  readonly unnameable: string[] = [];
  /** The last key in the index's order that is listed under itself: up to it the page is whole, if the vendor lists in that order. */
  readonly lastKey: string | undefined;

  constructor(entries: readonly ListedEntry[]) {
    let last: string | undefined;
    for (const entry of entries) {
      if (entry.key === MARKER_KEY || entry.kind === 'upload') continue;
      if (entry.kind === 'foreign') {
        this.unnameable.push(entry.key);
        continue;
      }
      if (entry.key.startsWith(SEGMENT_PREFIX)) {
        if (entry.kind !== 'delete-marker') this.segments.push({ key: entry.key, entry });
        continue;
      }
      const read = readBackendKey(entry.key);
      if ('unindexable' in read) {
        if (entry.kind === 'object') this.unnameable.push(entry.key);
        continue;
      }
      if (entry.kind === 'object') this.objects.set(read.key, entry);
      if (entry.kind === 'noncurrent') this.noncurrent.push({ key: read.key, entry });
      if (read.key === entry.key && (last === undefined || compareKeys(read.key, last) > 0)) last = read.key;
    }
    this.lastKey = last;
  }

  /** True where the page shows the very write that the record names, unchanged. */
  agreesWith(key: string, record: ObjectRecord): boolean {
    const entry = this.objects.get(key);
    if (entry === undefined || entry.key !== record.placement.key || record.missing) return false;
    const isSameClass = entry.storageClass === undefined || entry.storageClass === record.placement.storageClass;
    return entry.token === record.placement.token && isSameClass;
  }
}

/** True if the document names these bytes: its record, its garbage, or the intent of whoever sent them. */
export function names(document: KeyDocument | undefined, container: BucketContainer, token: string): boolean {
  const placements = [document?.current?.placement, ...(document?.garbage ?? []).map((item) => item.placement)];
  return placements.some((placement) => placement?.token === token && isSameContainer(placement, container));
}
