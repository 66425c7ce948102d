import type { Page, PageRequest } from '#libs/metadata';
import type { OperationContext } from '#libs/objects';
import type { LifecycleAction, LifecycleRule, LifecycleViolation } from '#libs/tiering';
import type { JobView } from '../jobs/job-service.js';

/** The lifecycle of a bucket as it is shown: JSON-ready. Times are ISO 8601. */
export interface LifecycleView {
  readonly bucket: string;
  readonly rules: readonly LifecycleRule[];
  readonly updatedAt: string;
  /** When the last run was asked for. */
  readonly lastRunAt?: string;
  /** When the next scheduled run is due. */
  readonly nextRunAt: string;
}

/** What a run would do to one object now. */
export interface LifecyclePreviewItem {
  readonly key: string;
  readonly size: number;
  readonly action: LifecycleAction;
  /** The instant at which this first fell due. */
  readonly nextDue: string;
}

/** What a run would do now, from the index alone. */
export interface LifecyclePreview {
  /** Objects looked at. */
  readonly objects: number;
  readonly expire: { readonly objects: number; readonly bytes: number };
  readonly transition: { readonly objects: number; readonly bytes: number };
  /** The first hundred keys with something due. */
  readonly items: readonly LifecyclePreviewItem[];
  /** The earliest instant at which something more falls due; absent: never, as things are. */
  readonly nextDue?: string;
}

/**
 * Lifecycle rules of buckets, for their owners and for administrators. Rules run every `SPUMONI_LIFECYCLE_EVERY_SECONDS`, first that long after they were first put, or at once when asked.
 * Fails with `DeploymentError`: `invalid-lifecycle` (each wrong path), `no-such-lifecycle`; with `ObjectsError` `no-such-bucket` or `access-denied`.
 */
export interface LifecycleService {
  /** Replaces the rules of a bucket, by name. Warnings never stop a rule. */
  put(
    context: OperationContext,
    bucket: string,
    input: { readonly rules?: unknown },
  ): Promise<{ readonly lifecycle: LifecycleView; readonly warnings: readonly LifecycleViolation[] }>;
  get(context: OperationContext, bucket: string): Promise<LifecycleView>;
  remove(context: OperationContext, bucket: string): Promise<void>;
  /** Of the rules that are kept, or of those given, which are checked but not kept. */
  preview(context: OperationContext, bucket: string, input?: { readonly rules?: unknown }): Promise<LifecyclePreview>;
  /** Starts a run now; while one is unfinished, answers that one. */
  run(context: OperationContext, bucket: string): Promise<JobView>;
  /** Newest first. */
  runs(context: OperationContext, bucket: string, page: PageRequest): Promise<Page<JobView>>;
}
