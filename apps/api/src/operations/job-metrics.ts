import { Gauge, type Registry } from 'prom-client';
import type { JobFigures } from '#libs/metadata';

/** Reads how jobs stand. */
export type ReadJobFigures = () => Promise<JobFigures>;

/** A monitor that looks often, or several that look at once, ask the control plane no more often than this. */
const FRESH_MS = 5_000;

/**
 * How the deployment's jobs stand, for Prometheus. They are the whole deployment's, whichever process is asked: take the largest over all instances. While the control plane cannot be read, no figure is shown but
 * `spumoni_job_figures_known`, which is 0 then.
 */
export class JobMetrics {
  readonly #known: Gauge;
  readonly #jobs: Gauge<'type' | 'state'>;
  readonly #ended: Gauge<'type' | 'state'>;
  readonly #objects: Gauge<'type' | 'result'>;
  readonly #bytes: Gauge<'type' | 'result'>;
  readonly #waiting: Gauge<'type'>;
  #readAt = -Infinity;
  #reading: Promise<void> = Promise.resolve();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#known = new Gauge({
      ...{ name: 'spumoni_job_figures_known', help: 'Whether the control plane could tell how jobs stand', registers },
    });
    this.#jobs = new Gauge({
      ...{ name: 'spumoni_jobs', help: 'Jobs that are running, waiting or paused', registers },
      labelNames: ['type', 'state'],
    });
    this.#ended = new Gauge({
      ...{ name: 'spumoni_jobs_ended', help: 'Jobs that ended in the last 24 hours, by how', registers },
      labelNames: ['type', 'state'],
    });
    this.#objects = new Gauge({
      ...{
        name: 'spumoni_job_objects',
        help: 'Objects of the jobs that are open or ended in the last 24 hours',
        registers,
      },
      labelNames: ['type', 'result'],
    });
    this.#bytes = new Gauge({
      ...{
        name: 'spumoni_job_bytes',
        help: 'Bytes of the jobs that are open or ended in the last 24 hours',
        registers,
      },
      labelNames: ['type', 'result'],
    });
    this.#waiting = new Gauge({
      ...{ name: 'spumoni_job_oldest_waiting_seconds', help: 'For how long the oldest waiting job waits', registers },
      labelNames: ['type'],
    });
  }

  /** Never fails. */
  refresh(read: ReadJobFigures): Promise<void> {
    const now = performance.now();
    if (now - this.#readAt >= FRESH_MS) {
      this.#readAt = now;
      this.#reading = read().then(
        (figures) => this.#show(figures),
        () => this.#forget(),
      );
    }
    return this.#reading;
  }

  /** What is not known is not shown: an old figure would hide the outage, which `/readyz` and the log tell of. */
  #forget(): void {
    for (const gauge of [this.#jobs, this.#ended, this.#objects, this.#bytes, this.#waiting]) gauge.reset();
    this.#known.set(0);
  }

  #show({ open, ended, work, waiting }: JobFigures): void {
    this.#forget();
    this.#known.set(1);
    for (const { type, state, jobs } of open)
      this.#jobs.set({ type, state: state === 'planned' ? 'waiting' : state }, jobs);
    for (const { type, state, jobs } of ended) this.#ended.set({ type, state }, jobs);
    for (const { type, objects, bytes } of work) {
      for (const [gauge, { total, done, failed }] of [
        [this.#objects, objects],
        [this.#bytes, bytes],
      ] as const) {
        gauge.set({ type, result: 'done' }, done);
        gauge.set({ type, result: 'failed' }, failed);
        gauge.set({ type, result: 'left' }, Math.max(0, total - done - failed));
      }
    }
    for (const { type, seconds } of waiting) this.#waiting.set({ type }, seconds);
  }
}
