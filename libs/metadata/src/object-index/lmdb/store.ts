import type { RootDatabase, Transaction } from 'lmdb';
import { IndexError } from '../object-index.js';
import type { TableKey } from './addresses.js';
import { openRoot, openTables, requireEnvironment, syncDirectories } from './environment.js';
import type { LmdbIndexOptions, Tables } from './environment.js';
import { newerFormat, unfinishedRestore, type Purpose } from '../opening.js';
import { INDEX_FORMAT } from '../stored-form.js';
import { toIndexError } from './failures.js';

const MINUTE = 60_000;

/** The lmdb environment: opens, checks the format, runs durable changes and snapshot reads, maps failures, closes in order. */
export class LmdbStore {
  #closing: Promise<void> | undefined;
  readonly #running = new Set<Promise<unknown>>();
  readonly #readerCheck: NodeJS.Timeout;

  private constructor(
    private readonly root: RootDatabase<number, TableKey>,
    readonly tables: Tables,
    private readonly options: LmdbIndexOptions,
  ) {
    // Readers that were killed keep their slot, and with it the pages they saw, until someone looks.
    this.#readerCheck = setInterval(() => root.readerCheck(), options.readerCheckEvery ?? MINUTE).unref();
  }

  /** Opens or makes the environment. Throws `unavailable` when it cannot be opened, is of a newer format, or (to serve) holds a restore that has not ended. */
  static async open(options: LmdbIndexOptions, purpose: Purpose = 'serve'): Promise<LmdbStore> {
    let opened: { close(): Promise<void> } | undefined;
    try {
      await requireEnvironment(options.path);
      const root = openRoot(options.path);
      opened = root;
      const store = new LmdbStore(root, openTables(root), options);
      opened = store;
      await syncDirectories(options.path);
      await store.#requireFormat(purpose);
      return store;
    } catch (error) {
      await opened?.close();
      throw await toIndexError(error, options.path);
    }
  }

  /** Runs `action` in a write transaction, together with others of the same moment, and resolves when it is synced to disk. */
  async change<T>(action: (tables: Tables) => T): Promise<T> {
    return this.#during(async () => {
      const [result] = await Promise.all([this.root.transaction(() => action(this.tables)), this.root.flushed]);
      return result;
    });
  }

  /** Runs `read`, which must not wait for anything, on the newest state of the store, whichever process made it. Failures are lmdb's own. */
  getAtOnce<T>(read: (tables: Tables) => T): T {
    if (this.#closing) throw closed();
    // Without it lmdb goes on with the snapshot of the turn, which may miss what another process has acknowledged since.
    this.root.resetReadTxn();
    return read(this.tables);
  }

  /** The same, and failures are `IndexError`. */
  async get<T>(read: (tables: Tables) => T): Promise<T> {
    try {
      return this.getAtOnce(read);
    } catch (error) {
      throw await toIndexError(error, this.options.path);
    }
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

  /** The newest state of the store, to be read from until it is `done`. */
  snapshot(): Transaction {
    if (this.#closing) throw closed();
    this.root.resetReadTxn();
    return this.root.useReadTransaction();
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
    if (this.#closing) throw closed();
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw await toIndexError(error, this.options.path);
    } finally {
      this.#running.delete(running);
    }
  }

  /** Migrates an earlier format: whatever was written in one reads the same in those after it, so that there is nothing to rewrite. */
  async #requireFormat(purpose: Purpose): Promise<void> {
    const { meta } = this.tables;
    const [found, isUnfinished] = await this.change(() => {
      const format = meta.get('format');
      if (format === undefined || format < INDEX_FORMAT) meta.putSync('format', INDEX_FORMAT);
      return [format ?? INDEX_FORMAT, meta.get(UNFINISHED) !== undefined] as const;
    });
    if (found > INDEX_FORMAT) throw newerFormat(this.options.path, found);
    if (isUnfinished && purpose === 'serve') throw unfinishedRestore(this.options.path);
  }
}

/** In `meta` while a restore has begun and not ended. */
export const UNFINISHED = 'unfinished';

function closed(): IndexError {
  return new IndexError('unavailable', 'the index is closed');
}
