import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { JobHeldError, rebuildQueue, type JobDelivery } from '#libs/jobs';
import { Deliveries } from './events/deliveries.js';
import { Housekeeping, type HousekeepingReport } from './housekeeping/housekeeping.js';
import { runJob } from './jobs/run-job.js';
import type { OpenDeployment } from './open-deployment.js';
import { usageRound } from './usage/usage-round.js';

/** A worker at work. */
export interface WorkUnderWay {
  /** One round of housekeeping, now. */
  readonly keepHouse: () => Promise<HousekeepingReport>;
  /** Takes nothing new, gives running jobs back with their checkpoints, and resolves when nothing runs any more. Idempotent. */
  stop(): Promise<void>;
}

/** Who a worker is, told by whoever started it. */
export interface WorkerIdentity {
  readonly id: string;
  /** Workers that are dead for certain: what they held goes on without waiting for their heartbeats to grow old. */
  readonly dead: readonly string[];
}

/** How often it is looked for events to deliver. */
const DELIVER_MS = 500;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Jobs at once in one worker; each moves several objects at once. */
const JOBS_AT_ONCE = 4;
/** Five minutes by default: far beyond what any step of making or deleting a bucket may take, as its calls are bounded by the deadline, its waits by the patience. */
function repairAfterMs({ settings }: OpenDeployment): number {
  return 10 * settings.deadAfterMs + settings.patienceMs + 4 * settings.backendDeadlineMs;
}

async function deliver(
  deployment: OpenDeployment,
  { jobId }: JobDelivery,
  as: { id: string; signal: AbortSignal },
): Promise<void> {
  const outcome = await runJob(deployment, jobId, as.id, as.signal);
  // Told each second while another worker has it.
  const level = outcome === 'held' ? 'debug' : 'info';
  deployment.logger[level]({ job: jobId, outcome }, 'a job was run');
  if (outcome === 'held' || outcome === 'released') throw new JobHeldError(`job ${jobId} is ${outcome}`);
}

/** Keeps house and tells what came of it, if anything did. */
async function round(deployment: OpenDeployment, housekeeping: Housekeeping, signal: AbortSignal): Promise<void> {
  const { logger, controlPlane } = deployment;
  try {
    // One at a time is enough. It is no matter of safety: see Housekeeping.
    const report = await controlPlane.exclusively('housekeeping', () => housekeeping.run(signal));
    if (report === undefined) return;
    const { sweep, repairs, failures } = report;
    const counts = sweep.garbageDeleted + sweep.intentsSettled + report.unnamedDeleted + report.containersRemoved;
    const news =
      counts +
        report.lifecycleRuns +
        report.uploadsEnded +
        report.auditPruned +
        repairs.length +
        failures.length +
        sweep.failures.length >
      0;
    if (news) logger.info({ report }, 'a round of housekeeping');
  } catch (error) {
    if (!signal.aborted) logger.error({ error }, 'a round of housekeeping failed; the next one tries again');
  }
}

/** Puts back what the queue lost. Beside the rounds of housekeeping, for one of those may take long where there is much to sweep. */
async function refill({ controlPlane, queue, logger }: OpenDeployment): Promise<void> {
  try {
    await rebuildQueue(controlPlane.jobs, queue);
  } catch (error) {
    logger.warn({ error }, 'the queue could not be looked after; the next time tries again');
  }
}

/** Beside the rounds of housekeeping: a walk through a large index takes long, and nothing waits for it. */
function usageRoundOf(deployment: OpenDeployment): (signal: AbortSignal) => Promise<void> {
  const parts = { ...deployment, keptMs: deployment.settings.usageDays * DAY_MS };
  return async (signal) => {
    try {
      await usageRound(parts, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
}

function someWorker(): WorkerIdentity {
  return { id: `${hostname()}-${String(process.pid)}-${randomUUID().slice(0, 8)}`, dead: [] };
}

/**
 * Sets a deployment to work: runs the jobs that the queue brings, putting back those it lost at the start and every `SPUMONI_SWEEP_SECONDS`, and keeps house as often. `control` of what it runs is in the
 * control plane: any number of workers may be at it. Rejects if the queue cannot be reached now.
 */
export async function startWork(deployment: OpenDeployment, identity = someWorker()): Promise<WorkUnderWay> {
  const { engine, settings, queue, logger } = deployment;
  const stopping = new AbortController();
  const { id, dead } = identity;
  if (dead.length > 0) {
    const jobs = await deployment.controlPlane.jobs.releaseAllOf(dead);
    if (jobs > 0) logger.info({ worker: id, dead, jobs }, 'jobs of a worker that died go on');
  }
  const housekeeping = new Housekeeping({
    ...deployment,
    lifecycleEveryMs: settings.lifecycleEveryMs,
    repairAfterMs: repairAfterMs(deployment),
    auditKeptMs: settings.auditDays * DAY_MS,
    eventsKeptMs: settings.eventDays * DAY_MS,
  });
  const handlers = {
    job: (delivery: JobDelivery) => deliver(deployment, delivery, { id, signal: stopping.signal }),
    // Schedules are kept by the control plane; nothing ticks yet.
    tick: () => Promise.resolve(),
  };
  const working = await queue.work(handlers, { concurrency: JOBS_AT_ONCE });
  await rebuildQueue(deployment.controlPlane.jobs, queue);
  // The first round begins now; a deployment of many buckets need not wait for it to be at work.
  let turn = round(deployment, housekeeping, stopping.signal);
  const next = (): Promise<void> => (turn = turn.then(() => round(deployment, housekeeping, stopping.signal)));
  const silence = engine.clock.every(settings.sweepMs, next);
  let refilling: Promise<void> | undefined;
  const leaveQueue = engine.clock.every(settings.sweepMs, () => (refilling = refill(deployment)));
  const counting = usageRoundOf(deployment);
  let counted = counting(stopping.signal);
  const leaveCounts = engine.clock.every(settings.usageMs, () => (counted = counting(stopping.signal)));
  const deliveries = new Deliveries({
    ...deployment,
    clock: engine.clock,
    secrets: deployment.webhookSecrets,
    allowPrivate: settings.webhookPrivate,
  });
  const leaveDeliveries = engine.clock.every(DELIVER_MS, async () => {
    await deliveries.begin(stopping.signal);
  });
  logger.info({ worker: id }, 'at work');
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    silence();
    leaveQueue();
    leaveCounts();
    leaveDeliveries();
    stopping.abort(new Error('the worker is stopping'));
    await Promise.all([working.stop(), turn, refilling, counted, deliveries.idle()]);
  };
  return { keepHouse: () => housekeeping.run(stopping.signal), stop: () => (stopped ??= stop()) };
}
