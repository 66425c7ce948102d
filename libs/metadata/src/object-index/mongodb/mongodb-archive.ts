import type { Collection, Filter, UpdateFilter } from 'mongodb';
import type { ArchivedKey, IndexArchive } from '../index-archive.js';
import type { BucketDocument } from '../records.js';
import { addressOf, bucketStart, idOf, requireRoom } from './addresses.js';
import { MongodbStore, type MongodbIndexOptions } from './connection.js';
import {
  bucketEntry,
  heldBucketOf,
  keyDocumentOf,
  keyEntry,
  type BucketEntry,
  type FormatEntry,
  type KeyEntry,
} from './documents.js';
import type { Collections } from './link.js';

const PAGE = 500;

/** Opens the database to be copied whole; others may serve from it meanwhile. Fails as `createMongodbIndex` does. */
export async function openMongodbArchive(options: MongodbIndexOptions): Promise<IndexArchive> {
  return new MongodbArchive(await MongodbStore.open(options, 'archive'));
}

class MongodbArchive implements IndexArchive {
  readonly kind = 'mongodb';

  constructor(private readonly store: MongodbStore) {}

  async state(): ReturnType<IndexArchive['state']> {
    return this.store.inOrder(async (read, { meta, keys, buckets }) => {
      if ((await meta.findOne({ _id: 'format' }, read))?.unfinished) return 'unfinished';
      const one = (await keys.findOne({}, read)) ?? (await buckets.findOne({}, read));
      return one === null ? 'empty' : 'used';
    });
  }

  async *buckets(): AsyncGenerator<readonly BucketDocument[]> {
    for (let after = ''; ;) {
      const page = await this.store.inOrder((read, { buckets }) =>
        buckets.find({ _id: { $gt: after } }, { ...read, sort: { _id: 1 }, limit: PAGE }).toArray(),
      );
      // A change that is only announced was not made.
      yield page.map((entry) => heldBucketOf(entry).document);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last._id;
    }
  }

  /** Each page as it is when it is read: sharded documents have no moment in common. */
  async *keys(): AsyncGenerator<readonly ArchivedKey[]> {
    for (let after = ''; ;) {
      const page = await this.store.inOrder((read, { keys }) =>
        keys.find({ _id: { $gt: after } }, { ...read, sort: { _id: 1 }, limit: PAGE }).toArray(),
      );
      yield page.flatMap((entry) => {
        const stored = keyDocumentOf(entry);
        return stored === undefined ? [] : { ...addressOf(entry._id), document: stored.value };
      });
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last._id;
    }
  }

  async begin(): Promise<void> {
    await this.#mark({ $set: { unfinished: true } });
    while (await this.#removeSome<KeyEntry>(({ keys }) => keys));
    while (await this.#removeSome<BucketEntry>(({ buckets }) => buckets));
  }

  /** In bounded steps: one deletion of a million documents would take longer than an operation may. */
  #removeSome<E extends { readonly _id: string }>(of: (all: Collections) => Collection<E>): Promise<boolean> {
    return this.store.inOrder(async (options, all) => {
      const collection = of(all);
      const found = await collection.find({}, { ...options, projection: { _id: 1 }, limit: PAGE }).toArray();
      const ids = found.map(({ _id }) => _id);
      if (ids.length > 0) await collection.deleteMany({ _id: { $in: ids } } as Filter<E>, options);
      return ids.length > 0;
    });
  }

  async putBuckets(documents: readonly BucketDocument[]): Promise<void> {
    for (const { id, name } of documents) {
      requireRoom('a bucket id', bucketStart(id));
      requireRoom('a bucket name', name);
    }
    if (documents.length === 0) return;
    await this.store.inOrder((options, { buckets }) => buckets.insertMany(documents.map(bucketEntry), options));
  }

  async putKeys(entries: readonly ArchivedKey[]): Promise<void> {
    if (entries.length === 0) return;
    const documents = entries.map(({ document, ...address }) => keyEntry(idOf(address), document));
    await this.store.inOrder((options, { keys }) => keys.insertMany(documents, options));
  }

  async finish(): Promise<void> {
    await this.#mark({ $unset: { unfinished: '' } });
  }

  async #mark(update: UpdateFilter<FormatEntry>): Promise<void> {
    await this.store.inOrder(({ session }, { meta }) => meta.updateOne({ _id: 'format' }, update, { session }));
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
