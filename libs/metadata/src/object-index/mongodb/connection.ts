import type { ClientSession } from 'mongodb';
import { IndexError } from '../object-index.js';
import { newerFormat, unfinishedRestore, type Purpose } from '../opening.js';
import { INDEX_FORMAT } from '../stored-form.js';
import { toIndexError } from './failures.js';
import { Link, OPERATION_MS, within, type Collections } from './link.js';

/** How an index on MongoDB is opened. */
export interface MongodbIndexOptions {
  /** A connection string, with the database in its path (`spumoni` if it names none). What weakens the index's guarantees in it is overruled. May hold a password. */
  readonly url: string;
  /** Id of the deployment whose index this is. A database belongs to the first that opens it: two that shared one would take each other's writers for dead. */
  readonly deployment: string;
  /** How long a change, a listing or a read may take in all before it fails with `unavailable`; a minute unless given, which is several times what each takes where MongoDB is slow. */
  readonly withinMs?: number;
}

/** Room for indexes to be made, and for each step to be tried again. */
const OPENING_MS = 120_000;
const WITHIN_MS = 60_000;
/** A client on which nothing has succeeded for so long is held against a new one, as often. */
const DOUBT_MS = 5_000;
/** How long the new one may take to get its first answer. */
const TRIAL_MS = 15_000;
/** How long what runs may go on when the index is closed. */
const CLOSING_MS = 15_000;

/** Options of every read. */
export interface ReadOptions {
  readonly session: ClientSession;
  readonly maxTimeMS: number;
}

/**
 * The database, and the causal order of what is asked of it. Whatever is asked ends in time. A client that has only failed for some seconds is held against a new one: where that one gets an answer, it takes
 * the place of the old one, which may be one that never finds its server again (see `Link`); where it gets none, MongoDB is away, and the old one, which knows more of its servers than the URL names, stays.
 */
export class MongodbStore {
  #link: Link;
  /** Those whose place another took, while something runs on them. */
  readonly #left = new Set<Link>();
  #trial: Promise<void> | undefined;
  #tried = -Infinity;
  #seen: { time: NonNullable<ClientSession['operationTime']>; cluster: ClientSession['clusterTime'] } | undefined;
  #isReplicated = false;
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly options: MongodbIndexOptions,
    link: Link,
  ) {
    this.#link = link;
  }

  /** Connects, makes what a new index needs, and checks the format. Throws `unavailable` when MongoDB cannot be reached, or what is there is of a newer format or another deployment's. */
  static async open(options: MongodbIndexOptions, purpose: Purpose = 'serve'): Promise<MongodbStore> {
    let link: Link | undefined;
    try {
      link = new Link(options.url);
      const store = new MongodbStore(options, link);
      await within(OPENING_MS, store.#prepare(link, purpose));
      return store;
    } catch (error) {
      await link?.close(0);
      throw toIndexError(error);
    }
  }

  /**
   * Runs the steps of one change, or the reads of one listing, in causal order, after everything this process has seen: each read sees what was written before it in that order,
   * whichever member of whichever shard answers.
   */
  async inOrder<T>(work: (options: ReadOptions, collections: Collections) => Promise<T>): Promise<T> {
    return this.#during(async (session, link) => {
      if (this.#seen !== undefined) {
        if (this.#seen.cluster !== undefined) session.advanceClusterTime(this.#seen.cluster);
        session.advanceOperationTime(this.#seen.time);
      }
      return work({ session, maxTimeMS: OPERATION_MS }, link);
    });
  }

  /** Runs the read of one document, which sees every acknowledged change: a primary that was deposed and does not know it cannot answer. */
  async newest<T>(
    read: (options: ReadOptions & { readConcern?: { level: 'linearizable' } }, collections: Collections) => Promise<T>,
  ): Promise<T> {
    // A server that is not replicated knows no such read, and has nobody to be deposed by.
    const readConcern = this.#isReplicated ? { readConcern: { level: 'linearizable' } as const } : {};
    return this.#during((session, link) => read({ session, maxTimeMS: OPERATION_MS, ...readConcern }, link));
  }

  /** True when a read succeeds now. */
  async ping(): Promise<boolean> {
    try {
      return await this.inOrder(async (options, { meta }) => (await meta.findOne({ _id: 'format' }, options)) !== null);
    } catch {
      return false; // The answer to "does a read succeed now", not a failure of ours.
    }
  }

  /** Waits for what is running, in bounds, then closes. A second call waits for the first. */
  async close(): Promise<void> {
    const close = async (): Promise<void> => {
      await this.#trial;
      await Promise.all([this.#link, ...this.#left].map((link) => link.close(CLOSING_MS)));
    };
    return (this.#closing ??= close());
  }

  async #during<T>(work: (session: ClientSession, link: Link) => Promise<T>): Promise<T> {
    if (this.#closing) throw new IndexError('unavailable', 'the index is closed');
    const link = this.#link;
    try {
      return await link.during(this.options.withinMs ?? WITHIN_MS, async (session) => {
        try {
          return await work(session, link);
        } finally {
          this.#note(session);
        }
      });
    } catch (error) {
      const told = toIndexError(error);
      if (told instanceof IndexError && told.kind === 'unavailable') this.#doubt(link);
      throw told;
    }
  }

  #note({ operationTime, clusterTime }: ClientSession): void {
    if (operationTime === undefined) return;
    if (this.#seen === undefined || operationTime.greaterThan(this.#seen.time))
      this.#seen = { time: operationTime, cluster: clusterTime };
  }

  #doubt(link: Link): void {
    const now = performance.now();
    const isYoung = now - Math.max(link.lastAnswer, this.#tried) < DOUBT_MS;
    if (isYoung || link !== this.#link || this.#trial !== undefined || this.#closing !== undefined) return;
    this.#tried = now;
    this.#trial = this.#tryAnother(link).finally(() => (this.#trial = undefined));
  }

  async #tryAnother(old: Link): Promise<void> {
    const other = new Link(this.options.url);
    try {
      await other.hello(TRIAL_MS);
    } catch {
      // It is away, as whoever asked was told.
      return other.close(0);
    }
    this.#link = other;
    this.#left.add(old);
    // What runs there comes to its end.
    void old.close(this.options.withinMs ?? WITHIN_MS).then(() => this.#left.delete(old));
  }

  async #prepare(link: Link, purpose: Purpose): Promise<void> {
    const hello = await link.hello(OPENING_MS);
    this.#isReplicated = hello['setName'] !== undefined || hello['msg'] === 'isdbgrid';
    await this.#requireOwn(link, purpose);
    await link.keys.createIndex({ p: 1, _id: 1 });
    await link.keys.createIndex({ m: 1 });
    await link.buckets.createIndex({ name: 1 }, { unique: true }, {});
  }

  async #requireOwn({ meta, database }: Link, purpose: Purpose): Promise<void> {
    const { deployment } = this.options;
    const own = { $setOnInsert: { format: INDEX_FORMAT, deployment } };
    const found = await meta.findOneAndUpdate({ _id: 'format' }, own, { upsert: true, returnDocument: 'after' });
    const where = `database ${database.databaseName}`;
    if (found === null || found.format > INDEX_FORMAT) throw newerFormat(where, found?.format);
    if (found.deployment !== deployment)
      throw new IndexError(
        'unavailable',
        `the index in ${where} belongs to deployment ${found.deployment}, but this one is ${deployment}; name another database`,
      );
    if (found.unfinished && purpose === 'serve') throw unfinishedRestore(where);
    // Whatever was written in one format reads the same in those after it, so that there is nothing to rewrite.
    if (found.format < INDEX_FORMAT)
      await meta.updateOne({ _id: 'format', format: found.format }, { $set: { format: INDEX_FORMAT } });
  }
}
