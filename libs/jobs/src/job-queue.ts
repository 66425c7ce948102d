import type { JobType } from '#libs/metadata';

/** A job to be run: its truth is the control plane's row of that id. */
export interface JobDelivery {
  readonly jobId: string;
  readonly type: JobType;
}

/** A moment of a schedule. */
export interface ScheduleTick {
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Thrown by a handler whose job another worker runs, or may: it is brought again soon and steadily, in case that one dies. */
export class JobHeldError extends Error {
  override readonly name = 'JobHeldError';
}

/**
 * What a worker does with what the queue brings. Each delivery may come more than once, also while an earlier one still runs elsewhere: the claim of the
 * control plane decides. A handler that throws gets the same delivery again, after 0.5 s and then ever later, up to 30 s; one that
 * throws `JobHeldError` each second, so that a dead worker's job waits for no more than its heartbeat's age.
 */
export interface JobHandlers {
  job(delivery: JobDelivery): Promise<void>;
  tick(tick: ScheduleTick): Promise<void>;
}

export interface WorkOptions {
  /** How many jobs this process runs at once; ticks come one at a time beside them. */
  readonly concurrency: number;
}

export interface Working {
  /** Takes nothing new and waits for the handlers under way; tell them to stop first. */
  stop(): Promise<void>;
}

/**
 * Carries jobs from whoever makes them to whoever runs them. It holds no truth: it may be lost at any time, and is rebuilt from the control plane.
 * A job whose worker died is delivered again within some 8 seconds.
 */
export interface JobQueue {
  /** Carries the job once, however often it is called while the job waits. Called while the job runs, it brings the job once more after that run. */
  enqueue(jobId: string, type: JobType): Promise<void>;
  /** Ticks every `everyMs`, once whatever the number of workers; the name's earlier schedule is replaced. */
  schedule(name: string, everyMs: number, payload: Readonly<Record<string, unknown>>): Promise<void>;
  unschedule(name: string): Promise<void>;
  work(handlers: JobHandlers, options: WorkOptions): Promise<Working>;
  /** True if its store answers within two seconds; never rejects. */
  ping(): Promise<boolean>;
  /** Stops working and closes all connections; safe to call twice. */
  close(): Promise<void>;
}
