import {
  isControlPlaneError,
  type BucketDocument,
  type BucketId,
  type ControlPlane,
  type JobRecord,
  type LifecycleRecord,
  type Page,
  type PageRequest,
} from '#libs/metadata';
import { lifecycleContext, openBucket, type Engine, type OperationContext } from '#libs/objects';
import { validateLifecycle, type LifecycleRule, type LifecycleViolation } from '#libs/tiering';
import { DeploymentError, invalid } from '../errors.js';
import type { JobCarrier } from '../jobs/job-carrier.js';
import type { JobView } from '../jobs/job-service.js';
import { FAILURES_IN_LISTS, showJob } from '../jobs/job-view.js';
import { showPage } from '../jobs/stored-jobs.js';
import { isoTime } from '../paging.js';
import type { LifecyclePreview, LifecycleService, LifecycleView } from './lifecycle-service.js';
import { previewLifecycle } from './preview-lifecycle.js';

/** What the service works with. */
export interface StoredLifecyclesDependencies {
  readonly controlPlane: ControlPlane;
  readonly engine: Engine;
  readonly queue: JobCarrier;
  /** Milliseconds between two scheduled runs of a bucket. */
  readonly everyMs: number;
}

interface Checked {
  readonly rules: readonly LifecycleRule[];
  readonly warnings: readonly LifecycleViolation[];
}

/** When the next scheduled run of these rules is due, in milliseconds since the epoch: first that long after they were put. */
export function nextRunAt({ lastRunAt, updatedAt }: LifecycleRecord, everyMs: number): number {
  return (lastRunAt ?? updatedAt) + everyMs;
}

/** Lifecycles of the control plane: see the port. */
export class StoredLifecycles implements LifecycleService {
  constructor(private readonly dependencies: StoredLifecyclesDependencies) {}

  async put(
    context: OperationContext,
    name: string,
    input: { readonly rules?: unknown },
  ): Promise<{ readonly lifecycle: LifecycleView; readonly warnings: readonly LifecycleViolation[] }> {
    const bucket = await openBucket(this.dependencies.engine, context, name);
    const { rules, warnings } = await this.#check(bucket, input);
    const record = await this.dependencies.controlPlane.lifecycles.put(bucket.id, rules);
    return { lifecycle: this.#show(bucket, record), warnings };
  }

  async get(context: OperationContext, name: string): Promise<LifecycleView> {
    const bucket = await openBucket(this.dependencies.engine, context, name);
    return this.#show(bucket, await this.#require(bucket));
  }

  async remove(context: OperationContext, name: string): Promise<void> {
    const bucket = await openBucket(this.dependencies.engine, context, name);
    await this.dependencies.controlPlane.lifecycles.delete(bucket.id).catch((error: unknown) => {
      throw isControlPlaneError(error, 'not-found') ? noSuch(bucket) : error;
    });
  }

  async preview(
    context: OperationContext,
    name: string,
    input?: { readonly rules?: unknown },
  ): Promise<LifecyclePreview> {
    const { engine } = this.dependencies;
    const bucket = await openBucket(engine, context, name);
    const { rules } = input ? await this.#check(bucket, input) : { rules: rulesOf(await this.#require(bucket)) };
    return previewLifecycle(engine, context, { bucket, rules });
  }

  async run(context: OperationContext, name: string): Promise<JobView> {
    const bucket = await openBucket(this.dependencies.engine, context, name);
    await this.#require(bucket);
    return showJob(this.dependencies.engine.index, await this.begin(bucket.id, context.actor.userId));
  }

  async runs(context: OperationContext, name: string, page: PageRequest): Promise<Page<JobView>> {
    const { controlPlane, engine } = this.dependencies;
    const bucket = await openBucket(engine, context, name);
    const jobs = await controlPlane.jobs.list({ ...page, type: 'lifecycle-run', bucketId: bucket.id });
    return showPage(jobs, (job) => showJob(engine.index, job, FAILURES_IN_LISTS));
  }

  /** Begins a run, or answers the one that is unfinished. Two that begin at once do no harm: what one has done the other finds done. */
  async begin(bucketId: BucketId, createdBy?: string): Promise<JobRecord> {
    const { controlPlane, engine, queue } = this.dependencies;
    const states = ['planned', 'running', 'paused'] as const;
    const { items } = await controlPlane.jobs.list({ limit: 1, type: 'lifecycle-run', states, bucketId });
    const job =
      items[0] ??
      (await controlPlane.jobs.create({
        type: 'lifecycle-run',
        bucketId,
        payload: { bucket: bucketId },
        ...(createdBy === undefined ? {} : { createdBy }),
      }));
    await controlPlane.lifecycles.markRun(bucketId, engine.clock.now());
    if (job.state === 'planned') await queue.enqueue(job.id, job.type);
    return job;
  }

  /** Rules that name a backend with the bucket's home in mind, so that its vendor's waterfall holds from the start. */
  async #check(bucket: BucketDocument, input: { readonly rules?: unknown }): Promise<Checked> {
    const { engine } = this.dependencies;
    const verdict = validateLifecycle(input, await lifecycleContext(engine, bucket, await engine.catalog.list()));
    if ('violations' in verdict)
      throw invalid('invalid-lifecycle', `lifecycle of bucket ${bucket.name}`, verdict.violations);
    return verdict;
  }

  async #require(bucket: BucketDocument): Promise<LifecycleRecord> {
    const found = await this.dependencies.controlPlane.lifecycles.find(bucket.id);
    if (found === undefined) throw noSuch(bucket);
    return found;
  }

  #show(bucket: BucketDocument, record: LifecycleRecord): LifecycleView {
    return {
      bucket: bucket.name,
      rules: rulesOf(record),
      updatedAt: isoTime(record.updatedAt),
      ...(record.lastRunAt === undefined ? {} : { lastRunAt: isoTime(record.lastRunAt) }),
      nextRunAt: isoTime(nextRunAt(record, this.dependencies.everyMs)),
    };
  }
}

/** The lifecycle rules of a bucket; none where it has no lifecycle. */
export async function rulesOfBucket(
  { lifecycles }: Pick<ControlPlane, 'lifecycles'>,
  bucketId: BucketId,
): Promise<readonly LifecycleRule[]> {
  const found = await lifecycles.find(bucketId);
  return found === undefined ? [] : rulesOf(found);
}

/** Only checked rules are ever put. */
function rulesOf(record: LifecycleRecord): readonly LifecycleRule[] {
  return record.rules as readonly LifecycleRule[];
}

function noSuch(bucket: BucketDocument): DeploymentError {
  return new DeploymentError('no-such-lifecycle', `bucket ${bucket.name} has no lifecycle rules`);
}
