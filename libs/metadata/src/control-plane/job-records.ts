/** The job's part of the control plane: what is known of background work, whoever carries or runs it. */
export const JOB_TYPES = [
  'migration',
  'lifecycle-run',
  'transition',
  'sweep',
  'adopt',
  'reconcile',
  'key-rotation',
  'retier',
  'encrypt',
] as const;
export type JobType = (typeof JOB_TYPES)[number];

export const JOB_STATES = ['planned', 'running', 'paused', 'completed', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** What an operator wants of a job. A runner reads it in the answer to each save, and obeys by settling. */
export const JOB_WISHES = ['run', 'pause', 'cancel'] as const;
export type JobWish = (typeof JOB_WISHES)[number];

/** True once nothing will change a job's state any more. */
export function isSettled(state: JobState): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

/** Amounts of one kind (objects, or bytes). `total` is what is known to be there to do: it may grow while a scan goes on. */
export interface ProgressCount {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
}

export interface JobProgressRecord {
  readonly objects: ProgressCount;
  readonly bytes: ProgressCount;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** Bytes a second over the last moments; null while unknown. */
  readonly rate: number | null;
  /** Objects a second over the last moments; null while unknown. */
  readonly objectRate: number | null;
  /** Seconds left at that rate; null while unknown. */
  readonly etaSeconds: number | null;
}

export const NO_PROGRESS: JobProgressRecord = {
  objects: { total: 0, done: 0, failed: 0 },
  bytes: { total: 0, done: 0, failed: 0 },
  rate: null,
  objectRate: null,
  etaSeconds: null,
};

/** One object a job could not deal with, and why, in words for a person. */
export interface JobFailure {
  readonly key: string;
  readonly reason: string;
}

/** How many failures a job's row keeps: the first ones. `progress.objects.failed` counts them all. */
export const MAX_JOB_FAILURES = 1_000;

export interface JobRecord {
  readonly id: string;
  readonly type: JobType;
  readonly state: JobState;
  readonly wish: JobWish;
  readonly bucketId?: string;
  /** What to do; its form is the job type's. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Where to go on after a kill; null before the first save. */
  readonly checkpoint: Readonly<Record<string, unknown>> | null;
  readonly progress: JobProgressRecord;
  readonly failures: readonly JobFailure[];
  /** Why the job as a whole failed. */
  readonly error?: string;
  /** The process that runs it, while one does. */
  readonly workerId?: string;
  /** Raised by every claim. */
  readonly fence: number;
  /** Attempts in a row that failed by what may pass, a backend that does not answer, without the job having come further. Restarts and takeovers are none. */
  readonly failedAttempts: number;
  readonly heartbeatAt?: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly createdBy?: string;
  /** `traceparent` of the request that made it, where traces are on. */
  readonly trace?: string;
}
