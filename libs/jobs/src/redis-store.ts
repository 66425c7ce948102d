import { setTimeout as delay } from 'node:timers/promises';
import { createRedisBackend, isNotConnectionError, withBackend } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import { PING_MS, type BullQueue, type BullStore, type BullWork, type BullWorker } from './bull-store.js';

const { Queue, Worker } = withBackend(createRedisBackend);

/** Where a Redis is. */
export interface RedisConnection {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. Holds a password, so it is never shown. */
  readonly url: string;
}

/** Before the names of all keys, so that others can use the same Redis. */
const PREFIX = 'spumoni';
const CONNECT_MS = 10_000;
const LAST_RETRY_MS = 2_000;
/** How often a connection is asked whether it lives, and how long it may take to say so: one whose other end vanished without a word would be waited for a quarter of an hour. */
const PULSE_MS = 5_000;
/** How long a worker that stops waits, after its handlers have ended, for Redis to take note. */
const FAREWELL_MS = 3_000;

const COMMON: RedisOptions = {
  lazyConnect: true,
  connectTimeout: CONNECT_MS,
  keepAlive: 10_000,
  retryStrategy: (times) => Math.min(LAST_RETRY_MS, 50 * 2 ** Math.min(times, 10)),
};
/** Whoever adds a job is told at once that Redis is away. */
const ASKING: RedisOptions = {
  ...COMMON,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: PING_MS,
};
/** A worker waits for it to come back. */
const WORKING: RedisOptions = { ...COMMON, maxRetriesPerRequest: null };

/** Knows the copies that BullMQ makes of it for its blocking calls, so that all can be ended. */
class Client extends Redis {
  readonly #copies = new Set<Redis>();
  #pulse: NodeJS.Timeout | undefined;
  /** Connections of it and its copies on which Redis was not ready at the last pulse. */
  readonly #greeted = new Map<Redis, unknown>();
  /** True from `endAll` on: its end is nobody's loss. */
  isEnding = false;

  override duplicate(options?: Partial<RedisOptions>): Redis {
    const copy = super.duplicate(options);
    this.#copies.add(copy);
    return copy;
  }

  /** Asks it now and then, and connects anew where it is silent, also to the first question of a new connection. Once they are ready, the copies are BullMQ's to look after. */
  keepAlive(): void {
    this.#pulse = setInterval(() => void this.#feel(), PULSE_MS);
    this.#pulse.unref();
  }

  private isUp(): boolean {
    return this.status === 'ready';
  }

  async #feel(): Promise<void> {
    for (const client of [this, ...this.#copies]) this.#greet(client);
    if (!this.isUp()) return;
    const patience = delay(PULSE_MS / 2, false, { ref: false });
    const lives = this.ping().then(
      () => true,
      () => false,
    );
    // Where the connection was lost meanwhile, it is made anew already.
    if (!(await Promise.race([lives, patience])) && this.isUp()) this.disconnect(true);
  }

  /** Connects anew where Redis was not yet ready at the last pulse, and is not now, on one connection: ioredis, and BullMQ behind it, would wait for that without a limit. */
  #greet(client: Redis): void {
    const { status, stream } = client;
    if (status === 'connect' && this.#greeted.get(client) === stream) client.disconnect(true);
    if (status === 'connect') this.#greeted.set(client, stream);
    else this.#greeted.delete(client);
  }

  /** Ends it and its copies now; what waits on them waits for ever. */
  endAll(): void {
    clearInterval(this.#pulse);
    this.isEnding = true;
    for (const client of [...this.#copies, this]) client.disconnect();
  }
}

/** A worker that can be left where it is. */
class LeavableWorker extends Worker<unknown> {
  /** Stops renewing its jobs' locks: closing does so only once Redis has answered, and a timer that goes on keeps the process alive. */
  async leave(): Promise<void> {
    await this.lockManager.close();
  }
}

/** The queue in a Redis of version 6.2 or later. Whoever adds a job is refused at once while it is away; workers wait for it and go on. */
export class RedisStore implements BullStore {
  readonly #clients = new Set<Client>();
  #asking: Promise<Client> | undefined;
  /** An outage is told once, not by each connection at each try. */
  #isAway = false;

  constructor(
    private readonly connection: RedisConnection,
    private readonly onTrouble: (error: Error) => void,
  ) {}

  async queue(name: string): Promise<BullQueue> {
    const connection = await (this.#asking ??= this.#connect(ASKING));
    const queue = new Queue<object>(name, { connection, prefix: PREFIX });
    queue.on('error', this.#tell);
    await queue.waitUntilReady();
    return queue;
  }

  async worker(name: string, { handle, options }: BullWork): Promise<BullWorker> {
    const client = await this.#connect(WORKING);
    const running = new Set<Promise<void>>();
    const take = async (data: unknown): Promise<void> => {
      const run = handle(data);
      running.add(run);
      await run.finally(() => running.delete(run));
    };
    const worker = new LeavableWorker(name, (job) => take(job.data), {
      ...options,
      connection: client,
      prefix: PREFIX,
    });
    // A worker without an error listener would end the process.
    worker.on('error', this.#tell);
    worker.on('failed', (_job, error) => this.onTrouble(error));
    await worker.waitUntilReady();
    const close = async (): Promise<void> => {
      // Without Redis it would never come to an end; then its handlers' end is enough, and the jobs are brought again.
      const handled = Promise.allSettled(running).then(() => delay(FAREWELL_MS, undefined, { ref: false }));
      await Promise.race([worker.close(), handled]);
      await worker.leave();
      client.endAll();
    };
    let closing: Promise<void> | undefined;
    return { close: () => (closing ??= close()) };
  }

  async ping(): Promise<boolean> {
    try {
      const client = await this.#asking;
      return (await client?.ping()) === 'PONG';
    } catch {
      // The answer to "can it be reached" is no, whatever the reason.
      return false;
    }
  }

  close(): Promise<void> {
    for (const client of this.#clients) client.endAll();
    return Promise.resolve();
  }

  /** The first connection, or why there is none; later ones are made again without end. */
  async #connect(options: RedisOptions): Promise<Client> {
    const client = new Client(this.connection.url, options);
    this.#clients.add(client);
    let reason: Error | undefined;
    const take = (error: Error): void => void (reason = error);
    client.on('error', take);
    client.keepAlive();
    try {
      await client.connect();
    } catch (error) {
      client.endAll();
      const { message } = reason ?? (error instanceof Error ? error : new Error(String(error)));
      throw new Error(`Redis cannot be reached: ${message}`, { cause: error });
    }
    client.off('error', take);
    client.on('error', this.#tell);
    client.on('close', () => {
      if (!client.isEnding) this.#lost();
    });
    client.on('ready', () => (this.#isAway = false));
    return client;
  }

  readonly #tell = (error: Error): void => {
    // The system's own errors of a socket name the call that failed.
    if (isNotConnectionError(error) && !('syscall' in error)) this.onTrouble(error);
    else this.#lost(error);
  };

  #lost(cause?: Error): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.onTrouble(new Error('the connection to Redis was lost; it is made again', cause ? { cause } : undefined));
  }
}
