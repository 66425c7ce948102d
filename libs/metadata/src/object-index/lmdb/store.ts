import { open as openFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { open } from 'lmdb';
import type { Database, RootDatabase, Transaction } from 'lmdb';
import { IndexError } from '../object-index.js';
import type { BucketId } from '../records.js';
import { utf8Keys } from './addresses.js';
import type { TableKey } from './addresses.js';
import { toIndexError } from './failures.js';
import type { StoredBucket, StoredKeyDocument } from './stored-form.js';

/** The format this code writes; a store of a later one is refused, since its meaning is not known here. */
export const FORMAT = 1;

/** How an index on lmdb is opened. */
export interface LmdbIndexOptions {
  /** The directory of the environment; made when it is not there. Every process opens the same one. */
  readonly path: string;
  /** Bytes the file may grow to; without it, as far as the disk goes. */
  readonly mapSize?: number;
  /** How often the slots of readers that died are cleared, in milliseconds. */
  readonly readerCheckEvery?: number;
}

/** The tables of the environment. */
export interface Tables {
  readonly keys: Database<StoredKeyDocument, TableKey>;
  /** Addresses of the key documents that sweeps look for. */
  readonly pending: Database<true, TableKey>;
  readonly buckets: Database<StoredBucket, TableKey>;
  readonly names: Database<BucketId, TableKey>;
  readonly meta: Database<number, TableKey>;
}

const SLOTS_OF_READERS = 2048;
const MINUTE = 60_000;

/** The lmdb environment: opens, checks the format, runs durable changes and snapshot reads, maps failures, closes in order. */
export class LmdbStore {
  #closing: Promise<void> | undefined;
  readonly #running = new Set<Promise<unknown>>();
  readonly #readerCheck: NodeJS.Timeout;

  private constructor(
    private readonly root: RootDatabase<number, TableKey>,
    readonly tables: Tables,
    readerCheckEvery: number,
  ) {
    // Readers that were killed keep their slot, and with it the pages they saw, until someone looks.
    this.#readerCheck = setInterval(() => root.readerCheck(), readerCheckEvery).unref();
  }

  /** Opens or makes the environment. Throws `unavailable` when it cannot be opened or is of a newer format. */
  static async open(options: LmdbIndexOptions): Promise<LmdbStore> {
    let root: RootDatabase<number, TableKey> | undefined;
    try {
      root = openRoot(options);
      const store = new LmdbStore(root, openTables(root), options.readerCheckEvery ?? MINUTE);
      await syncDirectories(options.path);
      await store.#requireFormat(options.path);
      return store;
    } catch (error) {
      await root?.close();
      throw await toIndexError(error);
    }
  }

  /** Runs `action` in a write transaction, together with others of the same moment, and resolves when it is synced to disk. */
  async change<T>(action: (tables: Tables) => T): Promise<T> {
    return this.#during(async () => {
      const [result] = await Promise.all([this.root.transaction(() => action(this.tables)), this.root.flushed]);
      return result;
    });
  }

  /** Runs `read`, which must not wait for anything, on the newest state of the store, whichever process made it. */
  async get<T>(read: (tables: Tables) => T): Promise<T> {
    return this.#during(async () => {
      // Without it lmdb goes on with the snapshot of the turn, which may miss what another process has acknowledged since.
      this.root.resetReadTxn();
      return Promise.resolve(read(this.tables));
    });
  }

  /** Runs `read` on one snapshot, the newest at the call; it is held as long as `read` takes. Reads name it as their `transaction`. */
  async read<T>(read: (tables: Tables, snapshot: Transaction) => Promise<T>): Promise<T> {
    return this.#during(async () => {
      this.root.resetReadTxn();
      const snapshot = this.root.useReadTransaction();
      try {
        return await read(this.tables, snapshot);
      } finally {
        snapshot.done();
      }
    });
  }

  /** A new version number: a counter of the whole store, so that none comes twice, not even for a document made again after its removal. Only within `change`. */
  nextVersion(): number {
    const version = (this.tables.meta.get('version') ?? 0) + 1;
    this.tables.meta.putSync('version', version);
    return version;
  }

  /** Waits for what is running, then closes. A second call waits for the first. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#readerCheck);
    await Promise.allSettled(this.#running);
    await this.root.close();
  }

  async #during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new IndexError('unavailable', 'the index is closed');
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw await toIndexError(error);
    } finally {
      this.#running.delete(running);
    }
  }

  async #requireFormat(path: string): Promise<void> {
    const { meta } = this.tables;
    const found = await this.change(() => {
      const format = meta.get('format');
      if (format === undefined) meta.putSync('format', FORMAT);
      return format ?? FORMAT;
    });
    if (found === FORMAT) return;
    throw new IndexError(
      'unavailable',
      `the index in ${path} is of format ${found}, but this version of the program knows format ${FORMAT} only`,
    );
  }
}

function openRoot(options: LmdbIndexOptions): RootDatabase<number, TableKey> {
  return open<number, TableKey>({
    path: options.path,
    noSubdir: false,
    // With overlapping syncs and several processes, lmdb 3.5 loses commits it has acknowledged.
    overlappingSync: false,
    maxReaders: SLOTS_OF_READERS,
    keyEncoder: utf8Keys,
    ...(options.mapSize === undefined ? {} : { mapSize: options.mapSize }),
  });
}

function openTables(root: RootDatabase<number, TableKey>): Tables {
  const versioned = { useVersions: true, keyEncoder: utf8Keys };
  const plain = { useVersions: false, keyEncoder: utf8Keys };
  return {
    keys: root.openDB<StoredKeyDocument, TableKey>('keys', versioned),
    pending: root.openDB<true, TableKey>('pending', plain),
    buckets: root.openDB<StoredBucket, TableKey>('buckets', versioned),
    names: root.openDB<BucketId, TableKey>('names', plain),
    meta: root.openDB<number, TableKey>('meta', plain),
  };
}

/** lmdb syncs its files, not the directory entries that lead to them. */
async function syncDirectories(path: string): Promise<void> {
  for (const directory of [path, dirname(path)]) {
    const handle = await openFile(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
