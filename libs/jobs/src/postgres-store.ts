import { createPostgresBackend, withBackend } from 'bullmq';
import pg from 'pg';
import { PromptClient, type PostgresConnection } from '#libs/metadata';
import { PING_MS, type BullQueue, type BullStore, type BullWork, type BullWorker } from './bull-store.js';

const { Queue, Worker } = withBackend(createPostgresBackend);

const SCHEMA = 'bull';
/** Each queue and each worker has a pool of its own. */
const POOL_SIZE = 2;
/** No query of BullMQ's takes as long where Postgres answers at all; making its tables waits for whoever else makes them. */
const LIMITS = { connectionTimeoutMillis: 10_000, query_timeout: 30_000, keepAlive: true };

/** The queue beside the control plane: BullMQ's own tables in schema `bull`, made where they are not there. */
export class PostgresStore implements BullStore {
  readonly #asking: pg.Pool;

  constructor(
    private readonly postgres: PostgresConnection,
    private readonly onTrouble: (error: Error) => void,
  ) {
    const limits = { max: 1, connectionTimeoutMillis: PING_MS, query_timeout: PING_MS };
    this.#asking = new pg.Pool({ ...postgres, ...limits, allowExitOnIdle: true });
    this.#asking.on('error', onTrouble);
  }

  async queue(name: string): Promise<BullQueue> {
    const queue = new Queue<object>(name, { connection: this.settings() });
    queue.on('error', this.onTrouble);
    try {
      await queue.waitUntilReady();
      return queue;
    } catch (error) {
      await queue.close();
      throw error;
    }
  }

  async worker(name: string, { handle, options }: BullWork): Promise<BullWorker> {
    const worker = new Worker<unknown>(name, (job) => handle(job.data), { ...options, connection: this.settings() });
    // A worker without an error listener would end the process.
    worker.on('error', this.onTrouble);
    worker.on('failed', (_job, error) => this.onTrouble(error));
    await worker.waitUntilReady();
    return worker;
  }

  async ping(): Promise<boolean> {
    try {
      await this.#asking.query('SELECT 1');
      return true;
    } catch {
      // The answer to "can it be reached" is no, whatever the reason.
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#asking.end();
  }

  private settings() {
    return { ...this.postgres, ...LIMITS, Client: PromptClient, max: POOL_SIZE, migrate: true, schema: SCHEMA };
  }
}
