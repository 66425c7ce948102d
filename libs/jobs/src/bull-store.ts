import type { JobsOptions, WorkerOptions } from 'bullmq';

/** What is used of one BullMQ queue, whatever store it lies in. */
export interface BullQueue {
  add(name: string, data: object, options: JobsOptions): Promise<unknown>;
  upsertJobScheduler(name: string, repeat: { every: number }, template: BullTemplate): Promise<unknown>;
  removeJobScheduler(name: string): Promise<unknown>;
  close(): Promise<void>;
}

/** What each tick of a scheduler becomes. */
export interface BullTemplate {
  name: string;
  data: object;
  opts: { removeOnComplete: true; removeOnFail: true };
}

/** What is used of one BullMQ worker. */
export interface BullWorker {
  /** Waits for the handlers under way, and for the store to take note of what they did. */
  close(): Promise<void>;
}

/** What a worker does, and how, beside its connection. */
export interface BullWork {
  /** Gets a job's data as it was added. */
  readonly handle: (data: unknown) => Promise<void>;
  readonly options: Pick<
    WorkerOptions,
    'concurrency' | 'lockDuration' | 'stalledInterval' | 'maxStalledCount' | 'settings'
  >;
}

/**
 * Makes BullMQ's queues and workers in one store. Connections that are lost are made again by themselves; what happens to them, and handlers' failures, is told to whoever opened
 * the store, and ends no process.
 */
export interface BullStore {
  /** Resolves when the queue takes jobs; rejects if the store cannot be reached now. */
  queue(name: string): Promise<BullQueue>;
  /** Resolves when the worker takes jobs; rejects if the store cannot be reached now. */
  worker(name: string, work: BullWork): Promise<BullWorker>;
  /** True if the store answers within two seconds; never rejects. */
  ping(): Promise<boolean>;
  /** Ends what connections are left, whatever still waits on them. */
  close(): Promise<void>;
}

/** How long a store may take to answer when it is asked whether it is there. */
export const PING_MS = 2_000;
