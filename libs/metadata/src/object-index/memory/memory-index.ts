import { IndexError } from '../object-index.js';
import type {
  ChangeResult,
  KeyAddress,
  KeyChange,
  ListedKey,
  Listing,
  ListOptions,
  ObjectIndex,
  Versioned,
} from '../object-index.js';
import {
  allowsChange,
  isPending,
  requireBucketDocument,
  requireBucketId,
  requireSameName,
  shownRecord,
} from '../document-rules.js';
import { MAX_PAGE, commonPrefixOf, compareUtf8, requireKey, requireLimit, requireWellFormed } from '../key-order.js';
import type { BucketDocument, BucketId, KeyDocument } from '../records.js';

/**
 * An object index in memory, for tests that try many interleavings: the same contract, but nothing outlives the process.
 * Every call answers in the microtask after it was made; a listing costs by the keys of its bucket.
 */
export function createMemoryIndex(): ObjectIndex {
  return new MemoryIndex();
}

type Documents = Map<string, Versioned<KeyDocument>>;

class MemoryIndex implements ObjectIndex {
  readonly #keys = new Map<BucketId, Documents>();
  readonly #buckets = new Map<BucketId, Versioned<BucketDocument>>();
  #lastVersion = 0;
  #closed = false;

  async getKey({ bucket, key }: KeyAddress): Promise<Versioned<KeyDocument> | undefined> {
    await this.#open();
    requireBucketId(bucket);
    requireKey(key);
    return this.#keys.get(bucket)?.get(key);
  }

  async changeKey({ bucket, key }: KeyAddress, change: KeyChange): Promise<ChangeResult> {
    await this.#open();
    requireBucketId(bucket);
    requireKey(key);
    const documents: Documents = this.#keys.get(bucket) ?? new Map<string, Versioned<KeyDocument>>();
    if ((documents.get(key)?.version ?? null) !== change.expected) return 'version-conflict';
    if (!allowsChange(this.#buckets.get(bucket)?.value, change)) return 'bucket-not-active';
    if (change.next === undefined) documents.delete(key);
    else documents.set(key, this.#versioned(change.next));
    this.#keys.set(bucket, documents);
    return 'changed';
  }

  async list(bucket: BucketId, options: ListOptions): Promise<Listing> {
    await this.#open();
    const { prefix = '', delimiter = '', marker = '', limit } = options;
    requireLimit(limit, MAX_PAGE);
    for (const text of [prefix, delimiter, marker]) requireWellFormed('what a listing asks for', text);
    const entries = new Map<string, ListedKey | undefined>();
    for (const listed of this.#sorted(bucket)) {
      if (listed.document.current === undefined || !listed.key.startsWith(prefix)) continue;
      const common = commonPrefixOf(listed.key, prefix, delimiter);
      const entry = common ?? listed.key;
      if (compareUtf8(entry, marker) > 0) entries.set(entry, common === undefined ? listed : undefined);
    }
    const page = [...entries].slice(0, limit);
    const isTruncated = limit > 0 && entries.size > limit;
    const last = page.at(-1)?.[0];
    return {
      keys: page.flatMap(([key, listed]) =>
        listed?.document.current ? [{ key, record: shownRecord(listed.document.current) }] : [],
      ),
      commonPrefixes: page.flatMap(([entry, listed]) => (listed === undefined ? entry : [])),
      isTruncated,
      ...(isTruncated && last !== undefined ? { nextMarker: last } : {}),
    };
  }

  async scan(
    bucket: BucketId,
    options: { after?: string; prefix?: string; limit: number },
  ): Promise<readonly ListedKey[]> {
    await this.#open();
    const { after = '', prefix = '', limit } = options;
    requireLimit(limit);
    for (const text of [after, prefix]) requireWellFormed('what a scan asks for', text);
    return this.#sorted(bucket)
      .filter(({ key }) => key.startsWith(prefix) && compareUtf8(key, after) > 0)
      .slice(0, limit);
  }

  async listPending(options: {
    after?: KeyAddress;
    bucket?: BucketId;
    limit: number;
  }): Promise<readonly (KeyAddress & Versioned<KeyDocument>)[]> {
    await this.#open();
    const { after, bucket, limit } = options;
    requireLimit(limit);
    const all = [...this.#keys].flatMap(([id, documents]) =>
      [...documents].map(([key, versioned]) => ({ bucket: id, key, ...versioned })),
    );
    return all
      .filter((entry) => isPending(entry.value) && (bucket === undefined || entry.bucket === bucket))
      .filter((entry) => after === undefined || compareAddresses(entry, after) > 0)
      .sort(compareAddresses)
      .slice(0, limit);
  }

  async findBucket(name: string): Promise<Versioned<BucketDocument> | undefined> {
    await this.#open();
    return this.#allBuckets().find(({ value }) => value.name === name);
  }

  async getBucket(id: BucketId): Promise<Versioned<BucketDocument> | undefined> {
    await this.#open();
    requireBucketId(id);
    return this.#buckets.get(id);
  }

  async changeBucket(id: BucketId, expected: number | null, next: BucketDocument | undefined): Promise<ChangeResult> {
    await this.#open();
    requireBucketId(id);
    if (next !== undefined) requireBucketDocument(id, next);
    const stored = this.#buckets.get(id);
    if ((stored?.version ?? null) !== expected) return 'version-conflict';
    if (next === undefined) {
      if (stored !== undefined && (this.#keys.get(id)?.size ?? 0) > 0) return 'version-conflict';
      this.#buckets.delete(id);
      return 'changed';
    }
    if (stored !== undefined) requireSameName(stored.value, next);
    else if (this.#allBuckets().some(({ value }) => value.name === next.name)) return 'version-conflict';
    this.#buckets.set(id, this.#versioned(next));
    return 'changed';
  }

  async listBuckets(options: { after?: string; ownerId?: string; limit: number }): Promise<readonly BucketDocument[]> {
    await this.#open();
    const { after = '', ownerId, limit } = options;
    requireLimit(limit);
    return this.#allBuckets()
      .map(({ value }) => value)
      .filter((bucket) => ownerId === undefined || bucket.ownerId === ownerId)
      .filter(({ name }) => compareUtf8(name, after) > 0)
      .sort((left, right) => compareUtf8(left.name, right.name))
      .slice(0, limit);
  }

  ping(): Promise<boolean> {
    return Promise.resolve(!this.#closed);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** A turn of the microtask queue before anything is read, as every real store has. */
  async #open(): Promise<void> {
    await Promise.resolve();
    if (this.#closed) throw new IndexError('unavailable', 'the index is closed');
  }

  #allBuckets(): Versioned<BucketDocument>[] {
    return [...this.#buckets.values()];
  }

  /** A copy, so that what the caller does to its own object later is not a change. */
  #versioned<T>(value: T): Versioned<T> {
    return { value: structuredClone(value), version: ++this.#lastVersion };
  }

  #sorted(bucket: BucketId): ListedKey[] {
    return [...(this.#keys.get(bucket) ?? [])]
      .map(([key, { value }]) => ({ key, document: value }))
      .sort((left, right) => compareUtf8(left.key, right.key));
  }
}

function compareAddresses(left: KeyAddress, right: KeyAddress): number {
  return compareUtf8(left.bucket, right.bucket) || compareUtf8(left.key, right.key);
}
