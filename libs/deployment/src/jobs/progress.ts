import { etaSeconds, RATE_WINDOW_MS, ratesOver, type ProgressSample } from '#libs/jobs';
import type { JobProgressRecord, ProgressCount } from '#libs/metadata';
import type { Clock, Counts } from '#libs/objects';

/** What was written while the run counted is done without having been counted: then there was more to do than was known. */
function whole(count: ProgressCount): ProgressCount {
  return { ...count, total: Math.max(count.total, count.done + count.failed) };
}

/** Makes a job's progress of the counts that its run reports. */
export class RunProgress {
  readonly #startedAt: number;
  #samples: ProgressSample[] = [];
  #last: JobProgressRecord;

  constructor(
    private readonly clock: Clock,
    saved: JobProgressRecord,
  ) {
    this.#startedAt = saved.startedAt ?? clock.now();
    const { objects, bytes, rate, objectRate, etaSeconds: left } = saved;
    this.#last = { objects, bytes, rate, objectRate, etaSeconds: left, startedAt: this.#startedAt };
  }

  /** As of the last progress. */
  get counts(): Counts {
    const { objects, bytes } = this.#last;
    return { objects, bytes };
  }

  /** The progress with these counts; each call is a sample for the rates. */
  next(counts: Counts): JobProgressRecord {
    const objects = whole(counts.objects);
    const bytes = whole(counts.bytes);
    const at = this.clock.monotonic();
    const sample = { at, objects: objects.done + objects.failed, bytes: bytes.done + bytes.failed };
    // A new pass counts anew: what came before it cannot be compared.
    const comparable = (this.#samples.at(-1)?.objects ?? 0) <= sample.objects ? this.#samples : [];
    this.#samples = [...comparable.filter((one) => at - one.at <= RATE_WINDOW_MS), sample];
    const rates = ratesOver(this.#samples, at);
    this.#last = {
      objects,
      bytes,
      startedAt: this.#startedAt,
      ...rates,
      etaSeconds: etaSeconds(objects, bytes, rates),
    };
    return this.#last;
  }

  /** The last progress, of a run that is over; a paused job has not finished. */
  ended(hasFinished: boolean): JobProgressRecord {
    const last = { ...this.#last, rate: null, objectRate: null, etaSeconds: null };
    return hasFinished ? { ...last, finishedAt: this.clock.now() } : last;
  }
}
