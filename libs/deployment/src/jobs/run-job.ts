import { isControlPlaneError, type JobRecord } from '#libs/metadata';
import {
  adoptBucket,
  encryptObjects,
  isObjectsError,
  isStoreOutage,
  makeContainer,
  migrateBucket,
  reconcileBucket,
  requireBucket,
  retierBucket,
  runLifecycle,
  type AdoptBucket,
  type JobEnd,
  type ObjectsErrorCode,
  type OperationContext,
  type ReconcileBucket,
  type RetierBucket,
} from '#libs/objects';
import type { KeyRing } from '#libs/secrets';
import type { LifecycleRule } from '#libs/tiering';
import { inSpan } from '#libs/tracing';
import type { Deployment } from '../deployment.js';
import { rotateKeys } from '../encryption/rotate-keys.js';
import type { EventRecorder } from '../events/event-recorder.js';
import { rulesOfBucket } from '../lifecycles/stored-lifecycles.js';
import { ClaimedRun, FencedOffError } from './claimed-run.js';
import type { JobControl } from './job-control.js';
import { readBucketPayload, readLifecyclePayload, readMigrationPayload, readRotationPayload } from './payloads.js';

/**
 * What a delivery came to. `held`: another worker runs it; `released`: given back unfinished as the process stops; `fenced`: another worker has taken it over;
 * `nothing-to-do`: it is paused or settled.
 */
export type JobRunOutcome =
  'completed' | 'paused' | 'cancelled' | 'failed' | 'held' | 'released' | 'fenced' | 'nothing-to-do';

/** What running jobs needs of a deployment. */
export interface JobRunner extends Pick<Deployment, 'engine' | 'controlPlane' | 'settings' | 'logger' | 'tracing'> {
  readonly control: JobControl;
  readonly masterKey: KeyRing;
  /** Told of the end. */
  readonly recorder?: EventRecorder;
}

/** A job whose backend does not answer fails after so many attempts in a row that have not brought it further: about two minutes, as the queue delivers it. Restarts and takeovers are no attempts, and an outage of Spumoni's own stores fails no job. */
const MAX_ATTEMPTS = 10;
const OUTAGES: readonly ObjectsErrorCode[] = ['backend-unavailable', 'busy', 'conflict', 'outcome-unknown'];

/** Whose outage ended a run, where there is hope that the same would succeed in a moment; undefined where there is none. */
function outageBehind(error: unknown): 'store' | 'backend' | undefined {
  if (isStoreOutage(error)) return 'store';
  return isObjectsError(error) && OUTAGES.includes(error.code) ? 'backend' : undefined;
}

/**
 * Claims a job and runs it to its end, to a pause, to the signal, or until another worker has it. What it did is in the control plane; so is where to go on.
 * Rejects on an outage, with the job given back: whoever delivered it delivers it again after a pause. Never runs a job that another living worker runs.
 */
export async function runJob(
  runner: JobRunner,
  jobId: string,
  workerId: string,
  shutdown?: AbortSignal,
): Promise<JobRunOutcome> {
  const { controlPlane, engine, settings, logger } = runner;
  const { heartbeatMs, deadAfterMs } = settings;
  const claim = await controlPlane.jobs.claim(jobId, workerId, deadAfterMs);
  if (claim.outcome === 'held') return 'held';
  if (claim.outcome === 'not-runnable') return 'nothing-to-do';
  const tools = { jobs: controlPlane.jobs, clock: engine.clock, logger, heartbeatMs, deadAfterMs };
  const run = new ClaimedRun(tools, claim.run, claim.job, shutdown);
  try {
    return await traced(runner, claim.job, () => runToItsEnd(runner, run));
  } catch (error) {
    return await endEarly(runner, run, error);
  } finally {
    run.end();
  }
}

/** A run is a trace of its own, linked to the request that made the job. Its calls are counted: there may be millions. */
async function traced(
  { tracing }: JobRunner,
  job: JobRecord,
  work: () => Promise<JobRunOutcome>,
): Promise<JobRunOutcome> {
  if (tracing === undefined) return work();
  const attributes = { 'spumoni.job': job.id, 'spumoni.job.type': job.type, 'spumoni.job.run': job.fence };
  const start = { name: `job ${job.type}`, kind: 'internal', cause: job.trace, countsParts: true, attributes } as const;
  return inSpan(tracing, start, async (span) => {
    const outcome = await work();
    span.set({ 'spumoni.job.outcome': outcome });
    return outcome;
  });
}

/** A pause that was taken back before it was obeyed lets the run go on. */
async function runToItsEnd(runner: JobRunner, run: ClaimedRun): Promise<JobRunOutcome> {
  for (;;) {
    const end = await perform(runner, run);
    const state = await run.settle(end);
    if (state === 'running') continue;
    runner.recorder?.jobEnded(run.job, state, end.state === 'failed' ? end.error : undefined);
    if (state === 'cancelled') await runner.control.afterCancelling(run.job);
    return state === 'planned' ? 'released' : state;
  }
}

async function endEarly(runner: JobRunner, run: ClaimedRun, error: unknown): Promise<JobRunOutcome> {
  const { signal, job } = run;
  if (isFencedOff(error) || isFencedOff(signal.reason)) return fencedOff(runner, job, error);
  const outage = outageBehind(error);
  const isLast = outage === undefined || (outage === 'backend' && run.attempt >= MAX_ATTEMPTS);
  if (!signal.aborted && isLast) {
    const text = error instanceof Error ? error.message : String(error);
    runner.logger.error({ job: job.id, error }, 'a job failed');
    const state = await run.settle({ state: 'failed', error: text });
    runner.recorder?.jobEnded(job, state, text);
    return 'failed';
  }
  try {
    await run.release(outage === 'backend' && !signal.aborted ? 'attempt-failed' : 'unfinished');
  } catch (late) {
    if (isFencedOff(late)) return fencedOff(runner, job, late);
    throw late;
  }
  const { state } = await runner.controlPlane.jobs.get(job.id);
  if (state === 'cancelled') {
    runner.recorder?.jobEnded(job, state);
    await runner.control.afterCancelling(job);
  }
  if (signal.aborted) return 'released';
  throw error;
}

function isFencedOff(error: unknown): boolean {
  return error instanceof FencedOffError || isControlPlaneError(error, 'conflict');
}

function fencedOff({ logger }: JobRunner, job: JobRecord, error: unknown): 'fenced' {
  logger.warn({ job: job.id, error }, 'a job was taken over by another worker');
  return 'fenced';
}

function contextOf(job: JobRecord, signal: AbortSignal): OperationContext {
  return { requestId: `job-${job.id}`, actor: { userId: job.createdBy ?? '', isAdmin: true }, signal };
}

async function perform(runner: JobRunner, run: ClaimedRun): Promise<JobEnd> {
  const { type } = run.job;
  if (type === 'migration') return migrate(runner, run);
  if (type === 'lifecycle-run') return carryOutRules(runner, run);
  if (type === 'key-rotation') return rotate(runner, run);
  if (type === 'adopt') return adoptBucket(runner.engine, contextOf(run.job, run.signal), wholeBucket(runner, run));
  if (type === 'retier') return retier(runner, run);
  if (type === 'encrypt')
    return encryptObjects(runner.engine, contextOf(run.job, run.signal), wholeBucket(runner, run));
  if (type === 'reconcile')
    return reconcileBucket(runner.engine, contextOf(run.job, run.signal), wholeBucket(runner, run));
  return { state: 'failed', error: `this version runs no jobs of type ${type}` };
}

async function migrate({ engine, settings }: JobRunner, run: ClaimedRun): Promise<JobEnd> {
  const { bucket, source, destination, sourceRetention } = readMigrationPayload(run.job);
  const context = contextOf(run.job, run.signal);
  if (destination.container !== undefined) {
    const { value } = await requireBucket(engine, bucket);
    // As the operator named it; where there is one already, that one serves.
    if (!value.containers.some((one) => one.backend === destination.backend && one.marker !== '')) {
      await makeContainer(engine, context, value, { backendId: destination.backend, name: destination.container });
    }
  }
  return migrateBucket(engine, context, {
    bucketId: bucket,
    from: source.backend,
    to: destination.backend,
    parallel: settings.migrationParallel,
    sourceRetentionMs: sourceRetention * 1000,
    reporter: run,
    ...(run.checkpoint === null ? {} : { checkpoint: run.checkpoint }),
  });
}

async function carryOutRules({ engine, controlPlane, settings }: JobRunner, run: ClaimedRun): Promise<JobEnd> {
  const { bucket } = readLifecyclePayload(run.job);
  const lifecycle = await controlPlane.lifecycles.find(bucket);
  if (lifecycle === undefined) return { state: 'completed' };
  return runLifecycle(engine, contextOf(run.job, run.signal), {
    bucketId: bucket,
    // Checked when they were put; the store keeps them as they are.
    rules: lifecycle.rules as readonly LifecycleRule[],
    parallel: settings.migrationParallel,
    reporter: run,
    before: run.counts,
    ...(run.checkpoint === null ? {} : { checkpoint: run.checkpoint }),
  });
}

function rotate(runner: JobRunner, run: ClaimedRun): Promise<JobEnd> {
  return rotateKeys(runner, contextOf(run.job, run.signal), {
    to: readRotationPayload(run.job).to,
    parallel: runner.settings.migrationParallel,
    reporter: run,
    ...(run.checkpoint === null ? {} : { checkpoint: run.checkpoint }),
  });
}

/** By what the policies mean now: the job may well have been asked for because of a change that was made a moment ago, by another process. */
async function retier(runner: JobRunner, run: ClaimedRun): Promise<JobEnd> {
  const { configuration } = runner.controlPlane;
  configuration.invalidate();
  await configuration.current();
  const { bucketId, ...rest } = wholeBucket(runner, run);
  const rules = await rulesOfBucket(runner.controlPlane, bucketId);
  return retierBucket(runner.engine, contextOf(run.job, run.signal), { ...rest, bucketId, rules });
}

/** What the jobs that go through all of a bucket are told. */
function wholeBucket({ settings }: JobRunner, run: ClaimedRun): AdoptBucket & ReconcileBucket & RetierBucket {
  return {
    before: run.counts,
    bucketId: readBucketPayload(run.job).bucket,
    parallel: settings.migrationParallel,
    reporter: run,
    ...(run.checkpoint === null ? {} : { checkpoint: run.checkpoint }),
  };
}
