/** Amounts of one kind. `total` may grow while a scan goes on. */
export interface Count {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
}

export interface Counts {
  readonly objects: Count;
  readonly bytes: Count;
}

export interface Report {
  readonly counts: Counts;
  /** Where to go on after a kill: everything before it has been dealt with. */
  readonly checkpoint?: Readonly<Record<string, unknown>>;
  readonly failures?: readonly { readonly key: string; readonly reason: string }[];
}

/** How a job in the domain tells of its progress and hears what is wished of it. */
export interface JobReporter {
  report(report: Report): Promise<'run' | 'pause' | 'cancel'>;
}

export type JobEnd =
  { readonly state: 'completed' | 'paused' | 'cancelled' } | { readonly state: 'failed'; readonly error: string };

/**
 * Where the counts of a run begin that goes on at a checkpoint, for jobs that do not look again at what is done. `before`: as last reported, perhaps later than the checkpoint (`at`). What was done by then is done; what failed since the
 * checkpoint is tried again, and counted then.
 */
export function countsSoFar(before: Counts | undefined, at: Counts | undefined): Counts {
  const from = (now: Count = NONE, then: Count = NONE): Count => {
    const done = Math.max(now.done, then.done);
    return { total: done + then.failed, done, failed: then.failed };
  };
  return { objects: from(before?.objects, at?.objects), bytes: from(before?.bytes, at?.bytes) };
}

const NONE: Count = { total: 0, done: 0, failed: 0 };

/** Counts that a job keeps and reports. */
export class Tally {
  #objects = { total: 0, done: 0, failed: 0 };
  #bytes = { total: 0, done: 0, failed: 0 };
  #failures: { key: string; reason: string }[] = [];

  /** Goes on with counts of an earlier run. */
  constructor(from?: Counts) {
    if (!from) return;
    this.#objects = { ...from.objects };
    this.#bytes = { ...from.bytes };
  }

  /** Counts what is done anew; `wholly`: what there is to do as well. */
  restart(wholly: boolean): void {
    this.#objects = { total: wholly ? 0 : this.#objects.total, done: 0, failed: 0 };
    this.#bytes = { total: wholly ? 0 : this.#bytes.total, done: 0, failed: 0 };
  }

  expect(bytes: number): void {
    this.#objects.total += 1;
    this.#bytes.total += bytes;
  }

  done(bytes: number): void {
    this.#objects.done += 1;
    this.#bytes.done += bytes;
  }

  failed(key: string, bytes: number, reason: string): void {
    this.#objects.failed += 1;
    this.#bytes.failed += bytes;
    this.#failures.push({ key, reason });
  }

  /** Nothing is left to do: what was expected and not dealt with, somebody else has settled. */
  settle(): void {
    this.#objects.total = this.#objects.done + this.#objects.failed;
    this.#bytes.total = this.#bytes.done + this.#bytes.failed;
  }

  get hasFailures(): boolean {
    return this.#objects.failed > 0;
  }

  counts(): Counts {
    return { objects: { ...this.#objects }, bytes: { ...this.#bytes } };
  }

  /** The failures since the last time this was asked. */
  takeFailures(): { key: string; reason: string }[] {
    const taken = this.#failures;
    this.#failures = [];
    return taken;
  }
}
