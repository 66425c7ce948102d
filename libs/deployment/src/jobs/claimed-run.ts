import {
  ControlPlaneError,
  isControlPlaneError,
  type ControlPlane,
  type JobOutcome,
  type JobRecord,
  type JobRun,
  type JobSave,
  type JobState,
  type ReleaseReason,
} from '#libs/metadata';
import type { Clock, Counts, JobReporter, Report } from '#libs/objects';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../deployment.js';
import { RunProgress } from './progress.js';

/** Another run has taken the job over: this one has stopped writing. */
export class FencedOffError extends Error {
  override readonly name = 'FencedOffError';
}

/** Between two tries to give a job back while the control plane is away. */
const RETRY_MS = 500;

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
  /** What was reported and could not be saved yet. */
  #unsaved: JobSave = {};
  /** Saves come one after the other, so that no older counts overwrite newer ones. */
  #turn: Promise<unknown> = Promise.resolve();
  #hasMovedOn = false;
  /** Where the run stands, for going on within this process. */
  checkpoint: JobRecord['checkpoint'];

  constructor(
    private readonly tools: RunTools,
    private readonly run: JobRun,
    readonly job: JobRecord,
    private readonly shutdown: AbortSignal | undefined,
  ) {
    const { clock, heartbeatMs } = tools;
    this.#progress = new RunProgress(clock, job.progress);
    this.checkpoint = job.checkpoint;
    this.#savedAt = clock.monotonic();
    this.#silence = clock.every(heartbeatMs, () => this.#beat());
    const end = (): void => this.#stop.abort(shutdown?.reason);
    if (shutdown?.aborted === true) end();
    else shutdown?.addEventListener('abort', end, { once: true, signal: this.#stop.signal });
  }

  /** What was counted by now, by earlier runs too. */
  get counts(): Counts {
    return this.#progress.counts;
  }

  /** Attempts of the job in a row that have failed without its having come further, this one included if it fails. */
  get attempt(): number {
    return this.#hasMovedOn ? 1 : this.job.failedAttempts + 1;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  async report(report: Report): Promise<'run' | 'pause' | 'cancel'> {
    const { counts, checkpoint, failures } = report;
    // Only a checkpoint says so: what is counted after it is counted again by the next run.
    const movesOn = checkpoint !== undefined && !isDeepStrictEqual(checkpoint, this.job.checkpoint);
    this.#hasMovedOn ||= movesOn;
    // Also where the run is to stop: what it has done by then is done.
    this.#unsaved = joined(this.#unsaved, {
      progress: this.#progress.next(counts),
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(failures === undefined ? {} : { failures }),
      ...(movesOn ? { movedOn: true } : {}),
    });
    this.#stop.signal.throwIfAborted();
    const wish = await this.#save();
    if (checkpoint !== undefined) this.checkpoint = checkpoint;
    return wish;
  }

  /** Ends the run. Answers `running` if the job is wished to go on by now. */
  async settle(outcome: JobOutcome): Promise<JobState> {
    this.#unsaved = joined(this.#unsaved, { progress: this.#progress.ended(outcome.state !== 'paused') });
    await this.#save();
    return this.tools.jobs.settle(this.run, outcome);
  }

  /**
   * Gives the job back for another run, here or elsewhere, with all that this one reported. While the control plane is away it waits for it, unless the process is to stop. Rejects with `FencedOffError` if
   * another run has the job by then.
   */
  async release(reason: ReleaseReason): Promise<void> {
    const { clock, jobs } = this.tools;
    for (;;) {
      try {
        await this.#save();
        await jobs.release(this.run, reason);
        return;
      } catch (error) {
        if (!isControlPlaneError(error, 'unavailable') || this.shutdown?.aborted) throw error;
      }
      await clock.sleep(RETRY_MS, this.shutdown).catch((error: unknown) => {
        if (!this.shutdown?.aborted) throw error;
      });
    }
  }

  /** No heartbeat comes after this. */
  end(): void {
    this.#silence();
  }

  #save(): Promise<'run' | 'pause' | 'cancel'> {
    const turn = this.#turn.then(() => this.#saveNow());
    // Whoever asked for it is told; the next one tries by itself.
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #saveNow(): Promise<'run' | 'pause' | 'cancel'> {
    const save = this.#unsaved;
    this.#unsaved = {};
    try {
      const wish = await this.tools.jobs.save(this.run, save);
      this.#savedAt = this.tools.clock.monotonic();
      return wish;
    } catch (error) {
      this.#unsaved = joined(save, this.#unsaved);
      if (!isControlPlaneError(error, 'conflict')) throw error;
      const fenced = new FencedOffError(error.message, { cause: error });
      this.#stop.abort(fenced);
      throw fenced;
    }
  }

  async #beat(): Promise<void> {
    const { clock, deadAfterMs, logger } = this.tools;
    try {
      await this.#save();
    } catch (error) {
      if (error instanceof FencedOffError) return;
      logger.warn({ job: this.job.id, error }, 'a heartbeat of a job could not be saved');
      if (clock.monotonic() - this.#savedAt < deadAfterMs) return;
      const text = 'nothing could be saved for so long that another worker may have the job';
      this.#stop.abort(new ControlPlaneError('unavailable', text, error));
    }
  }
}

/** Both in one, the later one's where both say something; failures are appended. */
function joined(earlier: JobSave, later: JobSave): JobSave {
  const failures = [...(earlier.failures ?? []), ...(later.failures ?? [])];
  return { ...earlier, ...later, ...(failures.length > 0 ? { failures } : {}) };
}
