import { MongoClient, ReadConcern } from 'mongodb';
import type { ClientSession, Collection, Db, DbOptions, MongoClientOptions } from 'mongodb';
import type { BucketEntry, FormatEntry, KeyEntry } from './documents.js';

/** How long one operation may take on the server. */
export const OPERATION_MS = 5_000;
const DEFAULT_DATABASE = 'spumoni';
/** How long a client may take to say goodbye. */
const CLOSING_MS = 5_000;

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

/** The collections of the index. A session belongs to the client that they are of. */
export interface Collections {
  readonly keys: Collection<KeyEntry>;
  readonly buckets: Collection<BucketEntry>;
  readonly meta: Collection<FormatEntry>;
}

/** What was asked has not ended in time. It may yet be done. */
export class OverdueError extends Error {
  override readonly name = 'OverdueError';
}

/** The work's answer, or `OverdueError` when it has none after so many milliseconds: it cannot be stopped, only be waited for no longer. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new OverdueError(`no answer within ${ms / 1000} s`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * One client of the driver, and what runs on it.
 *
 * Each piece of work ends in time, also where the driver does not: it waits for ever for a socket that was closed in the moment in which it wrote to it (it listens for `drain` and `error`, and of these
 * neither comes), so an operation can hang, and so can the watch over a server, after which the client never finds that server again (driver 7.9.0). Hence `lastAnswer`, by which such a client can be told.
 */
export class Link implements Collections {
  readonly keys: Collection<KeyEntry>;
  readonly buckets: Collection<BucketEntry>;
  readonly meta: Collection<FormatEntry>;
  readonly database: Db;
  /** When something last succeeded on it, or else it was made; monotonic. */
  lastAnswer = performance.now();
  readonly #client: MongoClient;
  readonly #running = new Set<Promise<unknown>>();

  /** Connects when first asked. Throws the driver's error for a URL that is none. */
  constructor(url: string) {
    this.#client = new MongoClient(url, CONNECTING);
    this.database = this.#client.db(databaseOf(url), GUARANTEES);
    this.keys = this.database.collection<KeyEntry>('keys');
    this.buckets = this.database.collection<BucketEntry>('buckets');
    this.meta = this.database.collection<FormatEntry>('meta');
  }

  /** Runs the work in a session of its own. Fails with `OverdueError` when it has not ended in time. */
  async during<T>(ms: number, work: (session: ClientSession) => Promise<T>): Promise<T> {
    const running = within(ms, this.#inSession(work));
    this.#running.add(running);
    try {
      const done = await running;
      this.lastAnswer = performance.now();
      return done;
    } finally {
      this.#running.delete(running);
    }
  }

  /** What the server says of itself. */
  async hello(ms: number): Promise<Readonly<Record<string, unknown>>> {
    return within(ms, this.database.admin().command({ hello: 1 }));
  }

  /** Waits for what is running, but no longer than that, then closes; what still waits fails. Never rejects: whoever closes has no use for it any more, so a goodbye that is late or fails concerns nobody. */
  async close(patienceMs: number): Promise<void> {
    await within(patienceMs, Promise.allSettled(this.#running)).catch(() => undefined);
    await within(CLOSING_MS, this.#client.close()).catch(() => undefined);
  }

  async #inSession<T>(work: (session: ClientSession) => Promise<T>): Promise<T> {
    const session = this.#client.startSession({ causalConsistency: true });
    try {
      return await work(session);
    } finally {
      await session.endSession();
    }
  }
}

function databaseOf(url: string): string {
  const [, name] = /^[a-z+]+:\/\/[^/]*\/([^?]+)/i.exec(url) ?? [];
  return name === undefined ? DEFAULT_DATABASE : decodeURIComponent(name);
}
