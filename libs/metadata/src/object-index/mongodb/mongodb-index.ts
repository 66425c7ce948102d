import type { Collection, Filter } from 'mongodb';
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
import { requireBucketDocument, requireBucketId } from '../document-rules.js';
import { requireLimit, requireWellFormed } from '../key-order.js';
import type { BucketDocument, BucketId, KeyDocument } from '../records.js';
import { addressOf, bucketRange, bucketStart, idOf, rangeOf, requireRoom } from './addresses.js';
import { changeBucket } from './change-bucket.js';
import { changeKey } from './change-key.js';
import { MongodbStore, type MongodbIndexOptions, type ReadOptions } from './connection.js';
import { heldBucketOf, keyDocumentOf, keyEntry, type BucketEntry, type KeyEntry } from './documents.js';
import { listPage, requireListOptions } from './listing.js';
import { mongodbSteps } from './mongodb-steps.js';

/**
 * The object index on MongoDB (ADR 8), for any number of processes on any number of machines. Uses single-document operations, plain and unique indexes and ranges of `_id` only,
 * so that `keys` can be sharded by `_id`. Writes are acknowledged when a majority has them in its journal. Bucket id, NUL and key may take 1,978 bytes.
 * An outage fails with `unavailable` within seconds; once MongoDB is back, so is the index. Opening fails with `unavailable` when it cannot be reached, is of a newer format or is another deployment's.
 */
export async function createMongodbIndex(options: MongodbIndexOptions): Promise<ObjectIndex> {
  return new MongodbIndex(await MongodbStore.open(options));
}

class MongodbIndex implements ObjectIndex {
  constructor(private readonly store: MongodbStore) {}

  async getKey(address: KeyAddress): Promise<Versioned<KeyDocument> | undefined> {
    const _id = idOf(address);
    const entry = await this.store.newest((options, { keys }) => keys.findOne({ _id }, options));
    return entry === null ? undefined : keyDocumentOf(entry);
  }

  async changeKey(address: KeyAddress, change: KeyChange): Promise<ChangeResult> {
    const _id = idOf(address);
    // What is too large is refused before anything is written.
    if (change.next !== undefined) keyEntry(_id, change.next);
    return this.store.inOrder((options, on) => changeKey(mongodbSteps(on, options), address, change));
  }

  async list(bucket: BucketId, options: ListOptions): Promise<Listing> {
    requireListOptions(options);
    return this.store.inOrder((read, { keys }) =>
      listPage(bucket, options, (_id, limit) => firstOf(keys, { _id, s: true }, limit, read)),
    );
  }

  async scan(
    bucket: BucketId,
    options: { after?: string; prefix?: string; limit: number },
  ): Promise<readonly ListedKey[]> {
    const { after = '', prefix = '', limit } = options;
    requireLimit(limit);
    requireWellFormed('a prefix', prefix);
    requireWellFormed('the key to go on after', after);
    const _id = rangeOf(bucket, prefix, after);
    if (_id === undefined) return [];
    const entries = await this.store.inOrder((read, { keys }) =>
      firstOf(keys, { _id, v: { $exists: true } }, limit, read),
    );
    return entries.flatMap((entry) => {
      const stored = keyDocumentOf(entry);
      return stored === undefined ? [] : { key: addressOf(entry._id).key, document: stored.value };
    });
  }

  async listPending(options: {
    after?: KeyAddress;
    bucket?: BucketId;
    limit: number;
  }): Promise<readonly (KeyAddress & Versioned<KeyDocument>)[]> {
    const { after, bucket, limit } = options;
    requireLimit(limit);
    const filter = pendingFilter(bucket, after);
    const entries = await this.store.inOrder((read, { keys }) => firstOf(keys, filter, limit, read));
    return entries.flatMap((entry) => {
      const stored = keyDocumentOf(entry);
      return stored === undefined ? [] : { ...addressOf(entry._id), ...stored };
    });
  }

  async findBucket(name: string): Promise<Versioned<BucketDocument> | undefined> {
    requireWellFormed('a bucket name', name);
    return this.#bucket({ name });
  }

  async getBucket(id: BucketId): Promise<Versioned<BucketDocument> | undefined> {
    requireBucketId(id);
    return this.#bucket({ _id: id });
  }

  async changeBucket(id: BucketId, expected: number | null, next: BucketDocument | undefined): Promise<ChangeResult> {
    requireRoom('a bucket id', bucketStart(id));
    if (next !== undefined) {
      requireBucketDocument(id, next);
      requireRoom('a bucket name', next.name);
    }
    return this.store.inOrder((options, on) => changeBucket(mongodbSteps(on, options), id, expected, next));
  }

  async listBuckets(options: { after?: string; ownerId?: string; limit: number }): Promise<readonly BucketDocument[]> {
    const { after = '', ownerId, limit } = options;
    requireLimit(limit);
    requireWellFormed('the name to go on after', after);
    if (limit === 0) return [];
    const filter = { name: { $gt: after }, ...(ownerId === undefined ? {} : { o: ownerId }) };
    const found = await this.store.inOrder((read, { buckets }) =>
      buckets.find(filter, { ...read, sort: { name: 1 }, limit, batchSize: Math.min(limit, 1000) }).toArray(),
    );
    return found.map((entry) => heldBucketOf(entry).document);
  }

  ping(): Promise<boolean> {
    return this.store.ping();
  }

  close(): Promise<void> {
    return this.store.close();
  }

  /** A change of the bucket that is announced and not made yet is nobody's business here. */
  async #bucket(filter: Filter<BucketEntry>): Promise<Versioned<BucketDocument> | undefined> {
    const entry = await this.store.newest((options, { buckets }) => buckets.findOne(filter, options));
    if (entry === null) return undefined;
    const { version, document } = heldBucketOf(entry);
    return { value: document, version };
  }
}

/** The first entries in order. MongoDB takes a limit of 0 for none at all. */
async function firstOf(
  keys: Collection<KeyEntry>,
  filter: Filter<KeyEntry>,
  limit: number,
  read: ReadOptions,
): Promise<readonly KeyEntry[]> {
  if (limit === 0) return [];
  const batchSize = Math.min(limit, 1000);
  return keys.find(filter, { ...read, sort: { _id: 1 }, limit, batchSize }).toArray();
}

/** Pending documents of the bucket, or of all, after `after`. */
function pendingFilter(bucket: BucketId | undefined, after: KeyAddress | undefined): Filter<KeyEntry> {
  const within = bucket === undefined ? {} : bucketRange(bucket);
  if (after === undefined) return bucket === undefined ? { p: true } : { p: true, _id: within };
  requireWellFormed('the key to go on after', after.key);
  const marked = bucketStart(after.bucket) + after.key;
  return { p: true, _id: { ...within, $gt: marked } };
}
