import type {
  JobFailure,
  JobProgressRecord,
  JobRecord,
  JobState,
  JobType,
  JobWish,
  ProgressCount,
} from './job-records.js';
import type { Page, PageRequest } from './paging.js';

export interface NewJob {
  readonly type: JobType;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly bucketId?: string;
  readonly createdBy?: string;
  readonly progress?: JobProgressRecord;
}

/** The right to write to a job, given by `claim`. It ends when another claim is made, or the job is settled. */
export interface JobRun {
  readonly jobId: string;
  readonly workerId: string;
  readonly fence: number;
}

/** `held`: another worker's heartbeat is fresh. `not-runnable`: paused or settled, or waiting to be; nothing to run. */
export type Claim =
  | { readonly outcome: 'claimed'; readonly run: JobRun; readonly job: JobRecord }
  | { readonly outcome: 'held' }
  | { readonly outcome: 'not-runnable'; readonly job: JobRecord };

/** What a save writes; what is absent stays. Failures are appended, each once, as far as there is room. */
export interface JobSave {
  readonly checkpoint?: Readonly<Record<string, unknown>>;
  readonly progress?: JobProgressRecord;
  readonly failures?: readonly JobFailure[];
  /** The job has come further than any run before: the attempts that failed by then are forgotten. */
  readonly movedOn?: true;
}

/** Why a run gives its job back: it is merely not done yet (its process stops, a store is away), or its attempt failed by what may pass, which is counted. */
export type ReleaseReason = 'unfinished' | 'attempt-failed';

export type JobOutcome =
  { readonly state: 'completed' | 'paused' | 'cancelled' } | { readonly state: 'failed'; readonly error: string };

/** How jobs stand, over all types. A type or state that has none is absent. */
export interface JobFigures {
  /** Jobs that are not settled. */
  readonly open: readonly { readonly type: JobType; readonly state: JobState; readonly jobs: number }[];
  /** Jobs that ended in the last 24 hours. */
  readonly ended: readonly { readonly type: JobType; readonly state: JobState; readonly jobs: number }[];
  /** Progress of both together. */
  readonly work: readonly { readonly type: JobType; readonly objects: ProgressCount; readonly bytes: ProgressCount }[];
  /** For each type with jobs that wait to be run, for how many seconds the oldest does. */
  readonly waiting: readonly { readonly type: JobType; readonly seconds: number }[];
}

/**
 * The truth about jobs. A job has at most one run that can write: each claim raises the fence, and a write under an older fence fails with
 * `conflict` and changes nothing. Heartbeats are compared on the database's one clock, so clocks of workers do not matter.
 */
export interface JobStore {
  create(job: NewJob): Promise<JobRecord>;
  get(id: string): Promise<JobRecord>;
  find(id: string): Promise<JobRecord | undefined>;
  /** Newest first. */
  list(
    page: PageRequest & { readonly type?: JobType; readonly states?: readonly JobState[]; readonly bucketId?: string },
  ): Promise<Page<JobRecord>>;
  /** For monitoring: by indexes alone, whatever the history. */
  figures(): Promise<JobFigures>;
  /** Planned and running jobs, oldest first: all that a queue must carry. */
  listUnfinished(page: PageRequest): Promise<Page<JobRecord>>;

  /** Takes over a job that is planned, or running with a heartbeat older than `staleAfterMs`, whoever's it is: this worker's own too. */
  claim(jobId: string, workerId: string, staleAfterMs: number): Promise<Claim>;
  /** Writes what is given, and a heartbeat; answers what is wished of the job now. */
  save(run: JobRun, save: JobSave): Promise<JobWish>;
  /**
   * Ends the run. Answers the state the job is in: `running` if it was to be paused but is wished to run again by now; then the run goes on.
   * `failed` keeps the reason.
   */
  settle(run: JobRun, outcome: JobOutcome): Promise<JobState>;
  /** Gives the job back unsettled: it is planned again, with its checkpoint. */
  release(run: JobRun, reason: ReleaseReason): Promise<void>;
  /** Gives back what workers hold that are known to be dead, as they would have done; answers how many jobs that were. Of one that lives after all no write finds its job any more: it stops, as if another had taken the job over. */
  releaseAllOf(workerIds: readonly string[]): Promise<number>;

  /** A planned job is paused at once; a running one when its runner obeys. `conflict` if it is settled. */
  requestPause(id: string): Promise<JobRecord>;
  /** A paused job is planned again, to be enqueued; a wish to pause is taken back, and attempts that failed are forgotten. `conflict` if it is settled or to be cancelled. */
  requestResume(id: string): Promise<JobRecord>;
  /** A planned or paused job is cancelled at once; a running one when its runner obeys. `conflict` if it completed or failed; no change if cancelled. */
  requestCancel(id: string): Promise<JobRecord>;
}
