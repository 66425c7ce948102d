import {
  isControlPlaneError,
  type ControlPlane,
  type JobOutcome,
  type JobRecord,
  type JobRun,
  type JobState,
} from '#libs/metadata';
import type { Clock, JobReporter, Report } from '#libs/objects';
import type { Logger } from '../deployment.js';
import { RunProgress } from './progress.js';

/** Another run has taken the job over, or may have: this one has stopped writing. */
export class FencedOffError extends Error {
  override readonly name = 'FencedOffError';
}

/** What a run works with. */
export interface RunTools {
  readonly jobs: ControlPlane['jobs'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
}

/**
 * A job that this process has claimed: saves what its run reports, and shows between reports that it lives, so that a long object does not look like a death. Its `signal` aborts
 * when the process is to stop, when another run has the job, and when nothing could be saved for so long that another may have it.
 */
export class ClaimedRun implements JobReporter {
  readonly #stop = new AbortController();
  readonly #progress: RunProgress;
  readonly #silence: () => void;
  #savedAt: number;
  /** Where the run stands, for going on within this process. */
  checkpoint: JobRecord['checkpoint'];

  constructor(
    private readonly tools: RunTools,
    private readonly run: JobRun,
    readonly job: JobRecord,
    shutdown: AbortSignal | undefined,
  ) {
    const { clock, heartbeatMs } = tools;
    // A lifecycle run counts what it does. The others count all there is: a migration and a rotation at each start, an adoption and a reconciliation on from their checkpoints.
    const before = job.type === 'lifecycle-run' ? job.progress : undefined;
    this.#progress = new RunProgress(clock, job.progress, before);
    this.checkpoint = job.checkpoint;
    this.#savedAt = clock.monotonic();
    this.#silence = clock.every(heartbeatMs, () => this.#beat());
    const end = (): void => this.#stop.abort(shutdown?.reason);
    if (shutdown?.aborted === true) end();
    else shutdown?.addEventListener('abort', end, { once: true, signal: this.#stop.signal });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  async report(report: Report): Promise<'run' | 'pause' | 'cancel'> {
    this.#stop.signal.throwIfAborted();
    const { counts, checkpoint, failures } = report;
    const wish = await this.#save({
      progress: this.#progress.next(counts),
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(failures === undefined ? {} : { failures }),
    });
    if (checkpoint !== undefined) this.checkpoint = checkpoint;
    return wish;
  }

  /** Ends the run. Answers `running` if the job is wished to go on by now. */
  async settle(outcome: JobOutcome): Promise<JobState> {
    await this.#save({ progress: this.#progress.ended(outcome.state !== 'paused') });
    return this.tools.jobs.settle(this.run, outcome);
  }

  /** Gives the job back for another run, here or elsewhere. */
  release(): Promise<void> {
    return this.tools.jobs.release(this.run);
  }

  /** No heartbeat comes after this. */
  end(): void {
    this.#silence();
  }

  async #save(save: Parameters<ControlPlane['jobs']['save']>[1]): Promise<'run' | 'pause' | 'cancel'> {
    try {
      const wish = await this.tools.jobs.save(this.run, save);
      this.#savedAt = this.tools.clock.monotonic();
      return wish;
    } catch (error) {
      if (!isControlPlaneError(error, 'conflict')) throw error;
      const fenced = new FencedOffError(error.message, { cause: error });
      this.#stop.abort(fenced);
      throw fenced;
    }
  }

  async #beat(): Promise<void> {
    const { clock, deadAfterMs, logger } = this.tools;
    try {
      await this.#save({});
    } catch (error) {
      if (error instanceof FencedOffError) return;
      logger.warn({ job: this.job.id, error }, 'a heartbeat of a job could not be saved');
      if (clock.monotonic() - this.#savedAt < deadAfterMs) return;
      this.#stop.abort(new FencedOffError('nothing could be saved for so long that another worker may have the job'));
    }
  }
}
