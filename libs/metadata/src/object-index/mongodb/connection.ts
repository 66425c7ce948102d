import { MongoClient, ReadConcern } from 'mongodb';
import type { ClientSession, Collection, Db, DbOptions, MongoClientOptions } from 'mongodb';
import { IndexError } from '../object-index.js';
import type { BucketEntry, FormatEntry, KeyEntry } from './documents.js';
import { newerFormat, unfinishedRestore, type Purpose } from '../opening.js';
import { INDEX_FORMAT } from '../stored-form.js';
import { toIndexError } from './failures.js';

/** How an index on MongoDB is opened. */
export interface MongodbIndexOptions {
  /** A connection string, with the database in its path (`spumoni` if it names none). What weakens the index's guarantees in it is overruled. May hold a password. */
  readonly url: string;
  /** Id of the deployment whose index this is. A database belongs to the first that opens it: two that shared one would take each other's writers for dead. */
  readonly deployment: string;
}

/** How long one operation may take on the server. */
const OPERATION_MS = 5_000;
const DEFAULT_DATABASE = 'spumoni';

const CONNECTING: MongoClientOptions = {
  appName: 'spumoni',
  readPreference: 'primary',
  retryReads: true,
  retryWrites: true,
  // An outage must be an error within seconds, never a request that hangs.
  serverSelectionTimeoutMS: 3_000,
  connectTimeoutMS: 5_000,
  socketTimeoutMS: OPERATION_MS + 1_000,
  waitQueueTimeoutMS: 3_000,
};

/** Given to the database, not to the client: there the driver would let options of the URL come before some of them. */
const GUARANTEES: DbOptions = {
  readConcern: new ReadConcern('majority'),
  writeConcern: { w: 'majority', journal: true, wtimeoutMS: OPERATION_MS },
};

/** Options of every read. */
export interface ReadOptions {
  readonly session: ClientSession;
  readonly maxTimeMS: number;
}

/** The database, and the causal order of what is asked of it. */
export class MongodbStore {
  readonly keys: Collection<KeyEntry>;
  readonly buckets: Collection<BucketEntry>;
  readonly meta: Collection<FormatEntry>;
  readonly #running = new Set<Promise<unknown>>();
  #seen: { time: NonNullable<ClientSession['operationTime']>; cluster: ClientSession['clusterTime'] } | undefined;
  #isReplicated = false;
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly client: MongoClient,
    private readonly database: Db,
  ) {
    this.keys = database.collection<KeyEntry>('keys');
    this.buckets = database.collection<BucketEntry>('buckets');
    this.meta = database.collection<FormatEntry>('meta');
  }

  /** Connects, makes what a new index needs, and checks the format. Throws `unavailable` when MongoDB cannot be reached, or what is there is of a newer format or another deployment's. */
  static async open({ url, deployment }: MongodbIndexOptions, purpose: Purpose = 'serve'): Promise<MongodbStore> {
    let client: MongoClient | undefined;
    try {
      client = new MongoClient(url, CONNECTING);
      const store = new MongodbStore(client, client.db(databaseOf(url), GUARANTEES));
      await store.#prepare(deployment, purpose);
      return store;
    } catch (error) {
      await client?.close();
      throw toIndexError(error);
    }
  }

  /**
   * Runs the steps of one change, or the reads of one listing, in causal order, after everything this process has seen: each read sees what was written before it in that order,
   * whichever member of whichever shard answers.
   */
  async inOrder<T>(work: (options: ReadOptions) => Promise<T>): Promise<T> {
    return this.#during(async (session) => {
      if (this.#seen !== undefined) {
        if (this.#seen.cluster !== undefined) session.advanceClusterTime(this.#seen.cluster);
        session.advanceOperationTime(this.#seen.time);
      }
      return work({ session, maxTimeMS: OPERATION_MS });
    });
  }

  /** Runs the read of one document, which sees every acknowledged change: a primary that was deposed and does not know it cannot answer. */
  async newest<T>(
    read: (options: ReadOptions & { readConcern?: { level: 'linearizable' } }) => Promise<T>,
  ): Promise<T> {
    // A server that is not replicated knows no such read, and has nobody to be deposed by.
    const readConcern = this.#isReplicated ? { readConcern: { level: 'linearizable' } as const } : {};
    return this.#during((session) => read({ session, maxTimeMS: OPERATION_MS, ...readConcern }));
  }

  /** True when a read succeeds now. */
  async ping(): Promise<boolean> {
    try {
      return await this.inOrder(async (options) => (await this.meta.findOne({ _id: 'format' }, options)) !== null);
    } catch {
      return false; // The answer to "does a read succeed now", not a failure of ours.
    }
  }

  /** Waits for what is running, then closes. A second call waits for the first. */
  async close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#running).then(() => this.client.close());
    return this.#closing;
  }

  async #during<T>(work: (session: ClientSession) => Promise<T>): Promise<T> {
    if (this.#closing) throw new IndexError('unavailable', 'the index is closed');
    const running = this.#inSession(work);
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw toIndexError(error);
    } finally {
      this.#running.delete(running);
    }
  }

  async #inSession<T>(work: (session: ClientSession) => Promise<T>): Promise<T> {
    const session = this.client.startSession({ causalConsistency: true });
    try {
      return await work(session);
    } finally {
      this.#note(session);
      await session.endSession();
    }
  }

  #note({ operationTime, clusterTime }: ClientSession): void {
    if (operationTime === undefined) return;
    if (this.#seen === undefined || operationTime.greaterThan(this.#seen.time))
      this.#seen = { time: operationTime, cluster: clusterTime };
  }

  async #prepare(deployment: string, purpose: Purpose): Promise<void> {
    const hello = await this.database.admin().command({ hello: 1 });
    this.#isReplicated = hello['setName'] !== undefined || hello['msg'] === 'isdbgrid';
    await this.#requireOwn(deployment, purpose);
    await this.keys.createIndex({ p: 1, _id: 1 });
    await this.keys.createIndex({ m: 1 });
    await this.buckets.createIndex({ name: 1 }, { unique: true }, {});
  }

  async #requireOwn(deployment: string, purpose: Purpose): Promise<void> {
    const own = { $setOnInsert: { format: INDEX_FORMAT, deployment } };
    const found = await this.meta.findOneAndUpdate({ _id: 'format' }, own, { upsert: true, returnDocument: 'after' });
    const where = `database ${this.database.databaseName}`;
    if (found === null || found.format > INDEX_FORMAT) throw newerFormat(where, found?.format);
    if (found.deployment !== deployment)
      throw new IndexError(
        'unavailable',
        `the index in ${where} belongs to deployment ${found.deployment}, but this one is ${deployment}; name another database`,
      );
    if (found.unfinished && purpose === 'serve') throw unfinishedRestore(where);
    // Whatever was written in one format reads the same in those after it, so that there is nothing to rewrite.
    if (found.format < INDEX_FORMAT)
      await this.meta.updateOne({ _id: 'format', format: found.format }, { $set: { format: INDEX_FORMAT } });
  }
}

function databaseOf(url: string): string {
  const [, name] = /^[a-z+]+:\/\/[^/]*\/([^?]+)/i.exec(url) ?? [];
  return name === undefined ? DEFAULT_DATABASE : decodeURIComponent(name);
}
