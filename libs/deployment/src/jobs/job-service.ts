import type { JobFailure, JobState, JobType, JobWish, Page, PageRequest, ProgressCount } from '#libs/metadata';
import type { KeyReport } from '#libs/objects';

/** A job as it is shown (DESIGN section 6): JSON-ready. Times are ISO 8601. */
export interface JobView {
  readonly id: string;
  readonly type: JobType;
  readonly state: JobState;
  /** What an operator wants of it: a running job that is to pause or be cancelled still runs for a moment. */
  readonly wish: JobWish;
  /** Name of the bucket, while there is one. */
  readonly bucket?: string;
  readonly bucketId?: string;
  readonly objects: ProgressCount;
  readonly bytes: ProgressCount;
  /** Bytes a second over the last moments; null while unknown. */
  readonly rate: number | null;
  readonly objectRate: number | null;
  readonly etaSeconds: number | null;
  /** The first failures: all that are kept (1,000) in `get`, ten in lists; `objects.failed` counts them all. */
  readonly failures: readonly JobFailure[];
  /** What a reconciliation found so far, or what a retier or an encryption left alone; absent for other jobs. */
  readonly report?: KeyReport;
  /** Why the job as a whole failed. */
  readonly error?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Id of the user who asked for it. */
  readonly createdBy?: string;
}

/** Which jobs of a list. */
export interface JobFilter {
  readonly type?: JobType;
  readonly states?: readonly JobState[];
  /** Name of a bucket that there is. */
  readonly bucket?: string;
}

/**
 * Background work, for administrators. Fails with `DeploymentError`: `no-such-job`, `wrong-state` (what the job is, and what it would have to be).
 * Pause and cancel of a running job are wishes that its runner obeys within a page of keys; the view answered may still say `running`.
 */
export interface JobService {
  /** Newest first. */
  list(page: PageRequest & JobFilter): Promise<Page<JobView>>;
  get(id: string): Promise<JobView>;
  /** The view now, and again at each change, until the job is settled or the signal aborts; for server-sent events. */
  watch(id: string, signal?: AbortSignal): AsyncIterable<JobView>;
  pause(id: string): Promise<JobView>;
  resume(id: string): Promise<JobView>;
  /** A migration's home goes back to its source: see `MigrationService`. */
  cancel(id: string): Promise<JobView>;
}
