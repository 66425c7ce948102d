import type { JobRecord, JobType, ObjectIndex } from '#libs/metadata';
import { reportIn } from '#libs/objects';
import { isoTime } from '../paging.js';
import type { JobView } from './job-service.js';

/** How many failures a list shows of each job. */
export const FAILURES_IN_LISTS = 10;

/** Jobs that keep a report in their checkpoints. */
const REPORTING: readonly JobType[] = ['reconcile', 'retier', 'encrypt'];

/** A job as it is shown. Its bucket's name is looked up, so that a bucket that is gone has none. */
export async function showJob(index: ObjectIndex, job: JobRecord, failures = Infinity): Promise<JobView> {
  const { id, type, state, wish, bucketId, progress, error, createdBy } = job;
  const { objects, bytes, rate, objectRate, etaSeconds, startedAt, finishedAt } = progress;
  const bucket =
    bucketId === undefined ? undefined : await index.getBucket(bucketId as Parameters<ObjectIndex['getBucket']>[0]);
  const report = REPORTING.includes(type) ? reportIn<string>(job.checkpoint) : undefined;
  // What was measured while it ran says nothing of a job that does not.
  const isRunning = state === 'running';
  return {
    id,
    type,
    state,
    wish,
    ...(bucket === undefined ? {} : { bucket: bucket.value.name }),
    ...(bucketId === undefined ? {} : { bucketId }),
    objects,
    bytes,
    rate: isRunning ? rate : null,
    objectRate: isRunning ? objectRate : null,
    etaSeconds: isRunning ? etaSeconds : null,
    failures: job.failures.slice(0, failures),
    ...(report === undefined ? {} : { report }),
    ...(error === undefined ? {} : { error }),
    createdAt: isoTime(job.createdAt),
    updatedAt: isoTime(job.updatedAt),
    ...(startedAt === undefined ? {} : { startedAt: isoTime(startedAt) }),
    ...(finishedAt === undefined ? {} : { finishedAt: isoTime(finishedAt) }),
    ...(createdBy === undefined ? {} : { createdBy }),
  };
}
