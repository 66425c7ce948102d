import { isPending } from '../document-rules.js';
import type { ArchivedKey, IndexArchive } from '../index-archive.js';
import type { BucketDocument, BucketId } from '../records.js';
import { decodeBucket, decodeKeyDocument, encodeBucket, encodeKeyDocument } from '../stored-form.js';
import { addressOf, bucketStart, requireRoom } from './addresses.js';
import type { LmdbIndexOptions } from './environment.js';
import { LmdbStore, UNFINISHED } from './store.js';
import { otherWork } from './walk.js';

const PAGE = 500;

/** Opens or makes the environment in `path` to be copied whole; others may serve from it meanwhile. Fails as `createLmdbIndex` does. */
export async function openLmdbArchive(options: LmdbIndexOptions): Promise<IndexArchive> {
  return new LmdbArchive(await LmdbStore.open(options, 'archive'));
}

class LmdbArchive implements IndexArchive {
  readonly kind = 'lmdb';

  constructor(private readonly store: LmdbStore) {}

  state(): ReturnType<IndexArchive['state']> {
    return this.store.get(({ meta, keys, buckets }) => {
      if (meta.get(UNFINISHED) !== undefined) return 'unfinished';
      return isBare(keys) && isBare(buckets) ? 'empty' : 'used';
    });
  }

  async *buckets(): AsyncGenerator<readonly BucketDocument[]> {
    const all = await this.store.read((tables, transaction) =>
      Promise.resolve(
        Array.from(tables.buckets.getRange({ transaction }), ({ key, value }) =>
          // Written with an id of this type; text read back has lost the brand only.
          decodeBucket(String(key) as BucketId, value),
        ),
      ),
    );
    yield all;
  }

  /** Holds one snapshot to the end: pages that it names are not reused meanwhile, so the file may grow. */
  async *keys(): AsyncGenerator<readonly ArchivedKey[]> {
    const snapshot = this.store.snapshot();
    try {
      let page: ArchivedKey[] = [];
      for (const { key, value } of this.store.tables.keys.getRange({ transaction: snapshot })) {
        page.push({ ...partsOf(String(key)), document: decodeKeyDocument(value) });
        if (page.length < PAGE) continue;
        yield page;
        page = [];
        await otherWork();
      }
      yield page;
    } finally {
      snapshot.done();
    }
  }

  async begin(): Promise<void> {
    await this.store.change(({ keys, pending, buckets, names, meta }) => {
      for (const table of [keys, pending, buckets, names]) table.clearSync();
      meta.putSync(UNFINISHED, 1);
    });
  }

  async putBuckets(documents: readonly BucketDocument[]): Promise<void> {
    for (const { id, name } of documents) {
      bucketStart(id);
      requireRoom('a bucket name', name);
    }
    await this.store.change(({ buckets, names }) => {
      for (const bucket of documents) {
        names.putSync(bucket.name, bucket.id);
        buckets.putSync(bucket.id, encodeBucket(bucket), this.store.nextVersion());
      }
    });
  }

  async putKeys(entries: readonly ArchivedKey[]): Promise<void> {
    const placed = entries.map(({ document, ...address }) => ({ at: addressOf(address), document }));
    await this.store.change(({ keys, pending }) => {
      for (const { at, document } of placed) {
        if (isPending(document)) pending.putSync(at, true);
        keys.putSync(at, encodeKeyDocument(document), this.store.nextVersion());
      }
    });
  }

  async finish(): Promise<void> {
    await this.store.change(({ meta }) => {
      meta.removeSync(UNFINISHED);
    });
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

function isBare(table: { getKeys(options: { limit: number }): Iterable<unknown> }): boolean {
  for (const _one of table.getKeys({ limit: 1 })) return false;
  return true;
}

function partsOf(address: string): { bucket: BucketId; key: string } {
  const end = address.indexOf('\0');
  // Written with ids of this type; text read back has lost the brand only.
  return { bucket: address.slice(0, end) as BucketId, key: address.slice(end + 1) };
}
