import {
  isControlPlaneError,
  type BucketContainer,
  type BucketDocument,
  type ControlPlane,
  type JobRecord,
} from '#libs/metadata';
import { changeBucket, isObjectsError, type Engine } from '#libs/objects';
import { DeploymentError } from '../errors.js';
import type { EventRecorder } from '../events/event-recorder.js';
import type { JobCarrier } from './job-carrier.js';
import { readMigrationPayload } from './payloads.js';

/** What changing the course of jobs needs. */
export interface JobControlDependencies {
  readonly controlPlane: ControlPlane;
  readonly engine: Engine;
  readonly queue: JobCarrier;
  /** Told of jobs that are cancelled before, or between, their runs. */
  readonly recorder?: EventRecorder;
}

/** The job's row, or `no-such-job`. */
export async function requireJob(controlPlane: ControlPlane, id: string): Promise<JobRecord> {
  const job = await controlPlane.jobs.find(id);
  if (job === undefined) throw new DeploymentError('no-such-job', `there is no job "${id}"`);
  return job;
}

/** Pause, resume and cancel, whatever the type of job: each with all that belongs to it. */
export class JobControl {
  constructor(private readonly dependencies: JobControlDependencies) {}

  pause(id: string): Promise<JobRecord> {
    return this.#asked(id, (jobs) => jobs.requestPause(id));
  }

  async resume(id: string): Promise<JobRecord> {
    const job = await this.#asked(id, (jobs) => jobs.requestResume(id));
    if (job.state === 'planned') await this.dependencies.queue.enqueue(job.id, job.type);
    return job;
  }

  async cancel(id: string): Promise<JobRecord> {
    const job = await this.#asked(id, (jobs) => jobs.requestCancel(id));
    if (job.state !== 'cancelled') return job;
    this.dependencies.recorder?.jobEnded(job, job.state);
    await this.afterCancelling(job);
    return job;
  }

  /** What a cancelled job leaves to be done, by whoever sees it cancelled first: a migration's home goes back to its source. Idempotent. */
  async afterCancelling(job: JobRecord): Promise<void> {
    if (job.type !== 'migration') return;
    const { controlPlane, engine } = this.dependencies;
    const { bucket, source, destination } = readMigrationPayload(job);
    const newest = await controlPlane.jobs.list({ limit: 1, type: 'migration', bucketId: bucket });
    // A later migration has its own say about the home.
    if (newest.items[0]?.id !== job.id) return;
    try {
      const after = await changeBucket(engine, bucket, (current) =>
        homeTaken(current, destination.backend, source.backend),
      );
      if (after.home === source.backend) await controlPlane.buckets.update(bucket, { backendId: source.backend });
    } catch (error) {
      if (!isObjectsError(error, 'no-such-bucket') && !isControlPlaneError(error, 'not-found')) throw error;
    }
  }

  async #asked(id: string, ask: (jobs: ControlPlane['jobs']) => Promise<JobRecord>): Promise<JobRecord> {
    try {
      return await ask(this.dependencies.controlPlane.jobs);
    } catch (error) {
      if (isControlPlaneError(error, 'not-found')) throw new DeploymentError('no-such-job', `there is no job "${id}"`);
      if (isControlPlaneError(error, 'conflict'))
        throw new DeploymentError('wrong-state', error.message, { cause: error });
      throw error;
    }
  }
}

/** The bucket at home at `to` again, if it is at home at `from` and its container at `to` still takes commits; else undefined. */
function homeTaken(bucket: BucketDocument, from: string, to: string): BucketDocument | undefined {
  const takes = (container: BucketContainer): boolean => container.backend === to && container.retiring !== true;
  return bucket.home === from && bucket.containers.some(takes) ? { ...bucket, home: to } : undefined;
}
