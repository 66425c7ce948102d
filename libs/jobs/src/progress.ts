import { NO_PROGRESS, type JobProgressRecord, type ProgressCount } from '#libs/metadata';

/** How far a job was at a moment. `at` is monotonic milliseconds; the others count what is behind it: done and failed. */
export interface ProgressSample {
  readonly at: number;
  readonly objects: number;
  readonly bytes: number;
}

/** Long enough to be steady, short enough to follow a change of speed. */
export const RATE_WINDOW_MS = 10_000;
/** Two samples nearer than this say nothing about speed. */
const SHORTEST_SPAN_MS = 500;

export interface Rates {
  /** Bytes a second; null while unknown. */
  readonly rate: number | null;
  /** Objects a second; null while unknown. */
  readonly objectRate: number | null;
}

/** Speed between the oldest sample of the window before `now` and the newest; null until the samples span half a second. */
export function ratesOver(samples: readonly ProgressSample[], now: number): Rates {
  const recent = samples.filter((sample) => now - sample.at <= RATE_WINDOW_MS);
  const first = recent[0];
  const last = recent.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < SHORTEST_SPAN_MS) {
    return { rate: null, objectRate: null };
  }
  const seconds = (last.at - first.at) / 1_000;
  return { rate: (last.bytes - first.bytes) / seconds, objectRate: (last.objects - first.objects) / seconds };
}

function left({ total, done, failed }: ProgressCount): number {
  return Math.max(0, total - done - failed);
}

/** Seconds for one kind of amount; null while it cannot be said. */
function secondsFor(count: ProgressCount, rate: number | null): number | null {
  if (left(count) === 0) return 0;
  return rate === null || rate <= 0 ? null : left(count) / rate;
}

/** Whole seconds left: the longer of what the bytes and what the objects need, for small objects are bound by their number; null while unknown. */
export function etaSeconds(objects: ProgressCount, bytes: ProgressCount, rates: Rates): number | null {
  const forBytes = secondsFor(bytes, rates.rate);
  const forObjects = secondsFor(objects, rates.objectRate);
  return forBytes === null || forObjects === null ? null : Math.ceil(Math.max(forBytes, forObjects));
}

/** Counts what a run does, and words it as a job's progress. Begins where an earlier run's saved progress ended. */
export class ProgressMeter {
  private objects: ProgressCount;
  private bytes: ProgressCount;
  private readonly startedAt: number;
  private samples: ProgressSample[];

  constructor(
    private readonly clock: { now(): number; monotonic(): number },
    before: JobProgressRecord = NO_PROGRESS,
  ) {
    this.objects = before.objects;
    this.bytes = before.bytes;
    this.startedAt = before.startedAt ?? clock.now();
    this.samples = [this.sample()];
  }

  /** What is known to be there to do, all in all. */
  setTotal(objects: number, bytes: number): void {
    this.objects = { ...this.objects, total: objects };
    this.bytes = { ...this.bytes, total: bytes };
  }

  addDone(bytes: number): void {
    this.objects = { ...this.objects, done: this.objects.done + 1 };
    this.bytes = { ...this.bytes, done: this.bytes.done + bytes };
  }

  addFailed(bytes: number): void {
    this.objects = { ...this.objects, failed: this.objects.failed + 1 };
    this.bytes = { ...this.bytes, failed: this.bytes.failed + bytes };
  }

  /** The progress now; each call is a sample for the rate. */
  read(): JobProgressRecord {
    const sample = this.sample();
    this.samples = [...this.samples.filter((one) => sample.at - one.at <= RATE_WINDOW_MS), sample];
    const rates = ratesOver(this.samples, sample.at);
    const { objects, bytes, startedAt } = this;
    return { objects, bytes, startedAt, ...rates, etaSeconds: etaSeconds(objects, bytes, rates) };
  }

  private sample(): ProgressSample {
    const { objects, bytes } = this;
    return { at: this.clock.monotonic(), objects: objects.done + objects.failed, bytes: bytes.done + bytes.failed };
  }
}
