import type { ChangeResult, Versioned } from '../object-index.js';
import { requireBucketDocument, requireSameName } from '../document-rules.js';
import { requireLimit, requireWellFormed } from '../key-order.js';
import type { BucketDocument, BucketId } from '../records.js';
import { bucketStart, hasRoom, justAfter, requireRoom, successor } from './addresses.js';
import type { Tables } from './environment.js';
import type { LmdbStore } from './store.js';
import { decodeBucket, encodeBucket } from '../stored-form.js';
import { takeSome } from './walk.js';

/** Bucket documents that are remembered; about a KiB each. */
const REMEMBERED = 1000;
const FIRST_NAME = Buffer.from([0x00]);
const AFTER_NAMES = Buffer.from([0xff]);

/** The bucket documents: by id, and by name through a second table that every change keeps in step in its own transaction. */
export class LmdbBuckets {
  /** Documents by name, as they were found last; the one that was found longest ago goes first. */
  readonly #found = new Map<string, Versioned<BucketDocument>>();

  constructor(private readonly store: LmdbStore) {}

  async get(id: BucketId): Promise<Versioned<BucketDocument> | undefined> {
    bucketStart(id);
    return this.store.get((tables) => readBucket(tables, id));
  }

  async find(name: string): Promise<Versioned<BucketDocument> | undefined> {
    if (!isBucketName(name)) return undefined;
    return this.store.get((tables) => this.findIn(tables, name));
  }

  /** The bucket of that name, which must be one that lmdb can hold. */
  findIn(tables: Tables, name: string): Versioned<BucketDocument> | undefined {
    const before = this.#found.get(name);
    // A version comes but once, so the document is the same, and has the same name: to ask that costs half of reading it again.
    if (before && tables.buckets.doesExist(before.value.id, before.version)) return before;
    const id = tables.names.get(name);
    const found = id === undefined ? undefined : readBucket(tables, id);
    this.#remember(name, found);
    return found;
  }

  async change(id: BucketId, expected: number | null, next: BucketDocument | undefined): Promise<ChangeResult> {
    bucketStart(id);
    if (next !== undefined) {
      requireBucketDocument(id, next);
      requireRoom('a bucket name', next.name);
    }
    return this.store.change((tables) => {
      const stored = readBucket(tables, id);
      if ((stored?.version ?? null) !== expected) return 'version-conflict';
      return next === undefined ? remove(tables, stored?.value) : this.#put(tables, stored?.value, next);
    });
  }

  async list(options: { after?: string; ownerId?: string; limit: number }): Promise<readonly BucketDocument[]> {
    const { after = '', ownerId, limit } = options;
    requireLimit(limit);
    requireWellFormed('the name to go on after', after);
    const start = after === '' ? FIRST_NAME : justAfter(after);
    return this.store.read((tables, transaction) =>
      takeSome(tables.names.getRange({ start, end: AFTER_NAMES, transaction }), limit, ({ value: id }) => {
        const stored = tables.buckets.get(id, { transaction });
        const bucket = stored && decodeBucket(id, stored);
        return ownerId === undefined || bucket?.ownerId === ownerId ? bucket : undefined;
      }),
    );
  }

  #remember(name: string, found: Versioned<BucketDocument> | undefined): void {
    this.#found.delete(name);
    if (found) this.#found.set(name, found);
    if (this.#found.size <= REMEMBERED) return;
    for (const oldest of this.#found.keys()) {
      this.#found.delete(oldest);
      break;
    }
  }

  #put(tables: Tables, stored: BucketDocument | undefined, next: BucketDocument): ChangeResult {
    if (stored === undefined) {
      if (tables.names.doesExist(next.name)) return 'version-conflict';
      tables.names.putSync(next.name, next.id);
    } else {
      requireSameName(stored, next);
    }
    tables.buckets.putSync(next.id, encodeBucket(next), this.store.nextVersion());
    return 'changed';
  }
}

/** False for what no bucket can be called. `TypeError` for what is no text. */
export function isBucketName(name: string): boolean {
  requireWellFormed('a bucket name', name);
  return name !== '' && hasRoom(name);
}

/** The bucket's document, from the transaction under way or the newest state. */
export function readBucket(tables: Tables, id: BucketId): Versioned<BucketDocument> | undefined {
  const entry = tables.buckets.getEntry(id);
  return entry && { value: decodeBucket(id, entry.value), version: entry.version ?? 0 };
}

function remove(tables: Tables, stored: BucketDocument | undefined): ChangeResult {
  if (stored === undefined) return 'changed';
  const start = Buffer.from(bucketStart(stored.id));
  for (const _left of tables.keys.getKeys({ start, end: successor(start), limit: 1 })) return 'version-conflict';
  tables.buckets.removeSync(stored.id);
  tables.names.removeSync(stored.name);
  return 'changed';
}
