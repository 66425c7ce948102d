import type { Finding } from './judge-key.js';

/** What a reconciliation tells of keys beside `Finding`: `removed`, an orphan beneath newer writes was deleted; `skipped`, the key was being written, and the next run looks again. */
export type Told = Exclude<Finding, 'same'> | 'removed' | 'skipped';

/** How many keys of each kind, and the first of them. JSON-ready. */
export interface ReconcileReport {
  readonly counts: Readonly<Partial<Record<Told, number>>>;
  readonly first: readonly { readonly key: string; readonly kind: Told }[];
}

/** How many keys a report names. The counts count them all. */
export const MAX_TOLD = 100;

/** A report in the making. Goes on with one of an earlier run. */
export class Telling {
  readonly #counts: Partial<Record<Told, number>>;
  readonly #first: { key: string; kind: Told }[];

  constructor(from?: ReconcileReport) {
    this.#counts = { ...from?.counts };
    this.#first = [...(from?.first ?? [])];
  }

  tell(key: string, kind: Told): void {
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    if (this.#first.length < MAX_TOLD) this.#first.push({ key, kind });
  }

  report(): ReconcileReport {
    return { counts: { ...this.#counts }, first: [...this.#first] };
  }
}

/** The report in a job's checkpoint; undefined before the first one. */
export function reportIn(checkpoint: Readonly<Record<string, unknown>> | null): ReconcileReport | undefined {
  const report = checkpoint?.['report'];
  return typeof report === 'object' && report !== null ? (report as ReconcileReport) : undefined;
}
