import type {
  ChangeResult,
  FoundKey,
  IndexAtOnce,
  KeyAddress,
  KeyChange,
  ListedKey,
  Listing,
  ListOptions,
  ObjectIndex,
  Versioned,
} from '../object-index.js';
import { allowsChange, isPending } from '../document-rules.js';
import { requireLimit, requireWellFormed } from '../key-order.js';
import type { BucketDocument, BucketId, KeyDocument } from '../records.js';
import { addressOf } from './addresses.js';
import { isBucketName, LmdbBuckets, readBucket } from './buckets.js';
import { listPage, rangeOf, requireListOptions } from './listing.js';
import { pendingRange, readPending } from './pending.js';
import { LmdbStore } from './store.js';
import type { LmdbIndexOptions, Tables } from './environment.js';
import { decodeKeyDocument, encodeKeyDocument } from '../stored-form.js';
import { takeSome } from './walk.js';

/**
 * The object index on lmdb, for the processes of one machine. Opens or makes the environment in `path`; any number of processes may
 * have it open and change it. Changes made at the same moment share one synced commit. Bucket id, NUL and key may take 1,978 bytes.
 * Fails with `unavailable` when the environment cannot be opened or is of a newer format.
 */
export async function createLmdbIndex(options: LmdbIndexOptions): Promise<ObjectIndex> {
  return new LmdbIndex(await LmdbStore.open(options));
}

class LmdbIndex implements ObjectIndex {
  readonly #buckets: LmdbBuckets;
  readonly atOnce: IndexAtOnce = { findKey: (name, key) => this.#findKey(name, key) };

  constructor(private readonly store: LmdbStore) {
    this.#buckets = new LmdbBuckets(store);
  }

  async getKey(address: KeyAddress): Promise<Versioned<KeyDocument> | undefined> {
    const at = addressOf(address);
    return this.store.get((tables) => readKey(tables, at));
  }

  #findKey(name: string, key: string): FoundKey | undefined {
    if (!isBucketName(name)) return undefined;
    return this.store.getAtOnce((tables) => {
      const bucket = this.#buckets.findIn(tables, name)?.value;
      return bucket && { bucket, document: readKey(tables, addressOf({ bucket: bucket.id, key }))?.value };
    });
  }

  async changeKey(address: KeyAddress, change: KeyChange): Promise<ChangeResult> {
    const at = addressOf(address);
    const { expected, next } = change;
    const asksBucket = change.requireActive || change.placedIn !== undefined;
    const stored = next && { document: encodeKeyDocument(next), pending: isPending(next) };
    return this.store.change((tables) => {
      const { keys, pending } = tables;
      const asExpected = expected === null ? !keys.doesExist(at) : keys.doesExist(at, expected);
      if (!asExpected) return 'version-conflict';
      if (asksBucket && !allowsChange(readBucket(tables, address.bucket)?.value, change)) return 'bucket-not-active';
      // In this order the pending table never misses a document, even if lmdb failed between two of these and committed the first.
      if (stored?.pending && !pending.doesExist(at)) pending.putSync(at, true);
      if (stored) keys.putSync(at, stored.document, this.store.nextVersion());
      else keys.removeSync(at);
      if (!stored?.pending) pending.removeSync(at);
      return 'changed';
    });
  }

  async list(bucket: BucketId, options: ListOptions): Promise<Listing> {
    requireListOptions(options);
    return this.store.read((tables, snapshot) => listPage(tables, snapshot, bucket, options));
  }

  async scan(
    bucket: BucketId,
    options: { after?: string; prefix?: string; limit: number },
  ): Promise<readonly ListedKey[]> {
    const { after = '', prefix = '', limit } = options;
    requireLimit(limit);
    requireWellFormed('a prefix', prefix);
    requireWellFormed('the key to go on after', after);
    const range = rangeOf(bucket, prefix, after);
    if (range === undefined) return [];
    return this.store.read(({ keys }, transaction) =>
      takeSome(keys.getRange({ ...range, transaction }), limit, ({ key: address, value }) => ({
        key: String(address).slice(bucket.length + 1),
        document: decodeKeyDocument(value),
      })),
    );
  }

  async listPending(options: {
    after?: KeyAddress;
    bucket?: BucketId;
    limit: number;
  }): Promise<readonly (KeyAddress & Versioned<KeyDocument>)[]> {
    requireLimit(options.limit);
    const range = pendingRange(options.bucket, options.after);
    if (range === undefined) return [];
    return this.store.read((tables, snapshot) => readPending(tables, snapshot, range, options.limit));
  }

  findBucket(name: string): Promise<Versioned<BucketDocument> | undefined> {
    return this.#buckets.find(name);
  }

  getBucket(id: BucketId): Promise<Versioned<BucketDocument> | undefined> {
    return this.#buckets.get(id);
  }

  changeBucket(id: BucketId, expected: number | null, next: BucketDocument | undefined): Promise<ChangeResult> {
    return this.#buckets.change(id, expected, next);
  }

  listBuckets(options: { after?: string; ownerId?: string; limit: number }): Promise<readonly BucketDocument[]> {
    return this.#buckets.list(options);
  }

  async ping(): Promise<boolean> {
    try {
      return await this.store.get(({ meta }) => meta.get('format') !== undefined);
    } catch {
      return false; // The answer to "does a read succeed now", not a failure of ours.
    }
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

/** The document of a key, from the newest state. */
function readKey({ keys }: Tables, at: string): Versioned<KeyDocument> | undefined {
  const entry = keys.getEntry(at);
  return entry && { value: decodeKeyDocument(entry.value), version: entry.version ?? 0 };
}
