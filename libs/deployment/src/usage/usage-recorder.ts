import type { ControlPlane } from '#libs/metadata';
import type { Clock } from '#libs/objects';
import type { Logger } from '../deployment.js';
import type { UsageCounters } from './usage-counters.js';

const FLUSH_MS = 5_000;

/** Takes the counts of this process to the control plane every five seconds and at the end. While Postgres is away they add up; a process that is killed loses its last five seconds. */
export class UsageRecorder {
  readonly #silence: () => void;
  #flushing: Promise<void> = Promise.resolve();

  constructor(
    private readonly counters: UsageCounters,
    private readonly parts: { readonly controlPlane: ControlPlane; readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#silence = parts.clock.every(FLUSH_MS, () => this.flush());
  }

  /** Never fails. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const { controlPlane, clock, logger } = this.parts;
    const deltas = this.counters.take();
    if (deltas.buckets.size + deltas.backends.size === 0) return;
    try {
      await controlPlane.usage.addRequests(clock.now(), deltas);
    } catch (error) {
      logger.warn({ error }, 'counts of requests cannot be written just now; they are kept');
      this.counters.giveBack(deltas);
    }
  }

  async close(): Promise<void> {
    this.#silence();
    await this.flush();
  }
}
