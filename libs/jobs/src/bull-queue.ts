import type { JobType, PostgresConnection } from '#libs/metadata';
import type { BullQueue, BullStore, BullWorker } from './bull-store.js';
import {
  JobHeldError,
  type JobDelivery,
  type JobHandlers,
  type JobQueue,
  type ScheduleTick,
  type Working,
  type WorkOptions,
} from './job-queue.js';
import { PostgresStore } from './postgres-store.js';
import { RedisStore, type RedisConnection } from './redis-store.js';

/** Where the queue lives. */
export type QueueConnection =
  | { readonly kind: 'postgres'; readonly postgres: PostgresConnection }
  | { readonly kind: 'redis'; readonly redis: RedisConnection };

export interface QueueOptions {
  readonly connection: QueueConnection;
  /** Told of connections that were lost and will be made again, and of handlers that threw; for a log. */
  readonly onTrouble?: (error: Error) => void;
}

export const QUEUE_NAMES = { jobs: 'spumoni-jobs', schedules: 'spumoni-schedules' } as const;

/** A worker killed in mid-job is noticed after its lock: taken over within about 8 s. */
const LIVENESS = { lockDuration: 5_000, stalledInterval: 2_500 };
/** The control plane decides when to give up on a job, never the queue. */
const NEVER = 1_000_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
/** Whoever holds a job shows within seconds that it lives; asking whether it does costs one statement. */
const HELD_RETRY_MS = 1_000;

/** Removed at once: with a count or an age the Postgres backend deadlocks. */
const FINISHED = { removeOnComplete: true, removeOnFail: true } as const;
const JOB_OPTIONS = { ...FINISHED, attempts: NEVER, backoff: { type: 'custom' } } as const;

function retryAfter(attemptsMade: number, _type?: string, error?: Error): number {
  if (error instanceof JobHeldError) return HELD_RETRY_MS;
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attemptsMade - 1, 10));
}

const WORK = { ...LIVENESS, maxStalledCount: NEVER, settings: { backoffStrategy: retryAfter } };

class BullJobQueue implements JobQueue {
  private readonly workers = new Set<BullWorker>();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly store: BullStore,
    private readonly jobs: BullQueue,
    private readonly schedules: BullQueue,
  ) {}

  async enqueue(jobId: string, type: JobType): Promise<void> {
    const deduplication = { id: jobId, keepLastIfActive: true };
    const delivery: JobDelivery = { jobId, type };
    await this.jobs.add(type, delivery, { ...JOB_OPTIONS, deduplication });
  }

  async schedule(name: string, everyMs: number, payload: Readonly<Record<string, unknown>>): Promise<void> {
    const tick: ScheduleTick = { name, payload };
    await this.schedules.upsertJobScheduler(name, { every: everyMs }, { name, data: tick, opts: FINISHED });
  }

  async unschedule(name: string): Promise<void> {
    await this.schedules.removeJobScheduler(name);
  }

  async work(handlers: JobHandlers, { concurrency }: WorkOptions): Promise<Working> {
    const jobs = await this.begin(QUEUE_NAMES.jobs, {
      handle: (data) => handlers.job(data as JobDelivery),
      options: { ...WORK, concurrency },
    });
    const ticks = await this.begin(QUEUE_NAMES.schedules, {
      handle: (data) => handlers.tick(data as ScheduleTick),
      options: WORK,
    });
    const stop = async (): Promise<void> => {
      await Promise.all([jobs.close(), ticks.close()]);
    };
    return { stop };
  }

  private async begin(name: string, work: Parameters<BullStore['worker']>[1]): Promise<BullWorker> {
    const worker = await this.store.worker(name, work);
    this.workers.add(worker);
    return worker;
  }

  ping(): Promise<boolean> {
    return this.store.ping();
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    await Promise.all([...this.workers].map((worker) => worker.close()));
    await Promise.all([this.jobs.close(), this.schedules.close()]);
    await this.store.close();
  }
}

function storeOf({ connection, onTrouble = () => undefined }: QueueOptions): BullStore {
  return connection.kind === 'redis'
    ? new RedisStore(connection.redis, onTrouble)
    : new PostgresStore(connection.postgres, onTrouble);
}

/**
 * Opens the queue, making its tables (schema `bull`) where it lives in Postgres and they are not there. Rejects if the store cannot be reached now; once open, it outlives
 * outages: calls fail while the store is away, workers go on after.
 */
export async function openJobQueue(options: QueueOptions): Promise<JobQueue> {
  const store = storeOf(options);
  const opened: BullQueue[] = [];
  const open = async (name: string): Promise<BullQueue> => {
    const queue = await store.queue(name);
    opened.push(queue);
    return queue;
  };
  try {
    return new BullJobQueue(store, await open(QUEUE_NAMES.jobs), await open(QUEUE_NAMES.schedules));
  } catch (error) {
    await Promise.all(opened.map((queue) => queue.close()));
    await store.close();
    throw error;
  }
}
