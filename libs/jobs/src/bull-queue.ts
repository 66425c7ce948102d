import { createPostgresBackend, withBackend } from 'bullmq';
import type { JobType, PostgresConnection } from '#libs/metadata';
import type { JobDelivery, JobHandlers, JobQueue, ScheduleTick, Working, WorkOptions } from './job-queue.js';

/** Where the queue lives. Redis comes as another kind. */
export interface QueueConnection {
  readonly kind: 'postgres';
  readonly postgres: PostgresConnection;
}

export interface QueueOptions {
  readonly connection: QueueConnection;
  /** Told of connections that were lost and will be made again, and of handlers that threw; for a log. */
  readonly onTrouble?: (error: Error) => void;
}

export const QUEUE_NAMES = { jobs: 'spumoni-jobs', schedules: 'spumoni-schedules' } as const;

const { Queue, Worker } = withBackend(createPostgresBackend);
type BullQueue<T> = InstanceType<typeof Queue<T>>;
type BullWorker<T> = InstanceType<typeof Worker<T>>;

const SCHEMA = 'bull';
/** Each queue and each worker has a pool of its own. */
const POOL_SIZE = 2;
/** A worker killed in mid-job is noticed after its lock: taken over within about 8 s. */
const LIVENESS = { lockDuration: 5_000, stalledInterval: 2_500 };
/** The control plane decides when to give up on a job, never the queue. */
const NEVER = 1_000_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

/** Removed at once: with a count or an age the Postgres backend deadlocks. */
const FINISHED = { removeOnComplete: true, removeOnFail: true } as const;
const JOB_OPTIONS = { ...FINISHED, attempts: NEVER, backoff: { type: 'custom' } } as const;

function retryAfter(attemptsMade: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attemptsMade - 1, 10));
}

class BullJobQueue implements JobQueue {
  private readonly jobs: BullQueue<JobDelivery>;
  private readonly schedules: BullQueue<ScheduleTick>;
  private readonly working = new Set<Working>();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly connection: QueueConnection,
    private readonly onTrouble: (error: Error) => void,
  ) {
    this.jobs = new Queue<JobDelivery>(QUEUE_NAMES.jobs, { connection: this.settings() });
    this.schedules = new Queue<ScheduleTick>(QUEUE_NAMES.schedules, { connection: this.settings() });
    this.jobs.on('error', onTrouble);
    this.schedules.on('error', onTrouble);
  }

  private settings() {
    return { ...this.connection.postgres, max: POOL_SIZE, migrate: true, schema: SCHEMA };
  }

  async ready(): Promise<void> {
    await this.jobs.waitUntilReady();
    await this.schedules.waitUntilReady();
  }

  async enqueue(jobId: string, type: JobType): Promise<void> {
    const deduplication = { id: jobId, keepLastIfActive: true };
    await this.jobs.add(type, { jobId, type }, { ...JOB_OPTIONS, deduplication });
  }

  async schedule(name: string, everyMs: number, payload: Readonly<Record<string, unknown>>): Promise<void> {
    const template = { name, data: { name, payload }, opts: FINISHED };
    await this.schedules.upsertJobScheduler(name, { every: everyMs }, template);
  }

  async unschedule(name: string): Promise<void> {
    await this.schedules.removeJobScheduler(name);
  }

  async work(handlers: JobHandlers, { concurrency }: WorkOptions): Promise<Working> {
    const options = {
      ...LIVENESS,
      connection: this.settings(),
      maxStalledCount: NEVER,
      settings: { backoffStrategy: retryAfter },
    };
    const jobs = new Worker<JobDelivery>(QUEUE_NAMES.jobs, (job) => handlers.job(job.data), {
      ...options,
      concurrency,
    });
    const ticks = new Worker<ScheduleTick>(QUEUE_NAMES.schedules, (job) => handlers.tick(job.data), options);
    const working = this.watch(jobs, ticks);
    this.working.add(working);
    await jobs.waitUntilReady();
    await ticks.waitUntilReady();
    return working;
  }

  /** A worker without an error listener would end the process. */
  private watch(jobs: BullWorker<JobDelivery>, ticks: BullWorker<ScheduleTick>): Working {
    jobs.on('error', this.onTrouble);
    ticks.on('error', this.onTrouble);
    jobs.on('failed', (_job, error) => this.onTrouble(error));
    ticks.on('failed', (_job, error) => this.onTrouble(error));
    const stop = async (): Promise<void> => {
      await Promise.all([jobs.close(), ticks.close()]);
    };
    return { stop };
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    await Promise.all([...this.working].map((working) => working.stop()));
    await Promise.all([this.jobs.close(), this.schedules.close()]);
  }
}

/**
 * Opens the queue, making its tables (schema `bull`) where they are not there. Rejects if the store cannot be reached now; once open, it outlives
 * outages: calls fail while the store is away, workers go on after.
 */
export async function openJobQueue(options: QueueOptions): Promise<JobQueue> {
  const queue = new BullJobQueue(options.connection, options.onTrouble ?? (() => undefined));
  try {
    await queue.ready();
    return queue;
  } catch (error) {
    await queue.close();
    throw error;
  }
}
