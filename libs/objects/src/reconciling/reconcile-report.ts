import type { Finding } from './judge-key.js';

/**
 * What a reconciliation tells of keys beside `Finding`: `removed`, an orphan beneath newer writes was deleted; `skipped`, the key was being written, and the next run looks again; `damaged`, after a restore, a write whose bytes
 * are not those that were written, or that a process died over: it cannot be taken for the newest, nor for nothing.
 */
export type Told = Exclude<Finding, 'same'> | 'removed' | 'skipped' | 'damaged';

/** How many keys of each kind, and the first of them. JSON-ready. */
export interface KeyReport<Kind extends string = string> {
  readonly counts: Readonly<Partial<Record<Kind, number>>>;
  readonly first: readonly { readonly key: string; readonly kind: Kind }[];
}

/** How many keys a report names. The counts count them all. */
export const MAX_TOLD = 100;

/** What a reconciliation tells. */
export type ReconcileReport = KeyReport<Told>;

/** A report in the making. Goes on with one of an earlier run. */
export class Telling<Kind extends string = Told> {
  readonly #counts: Partial<Record<Kind, number>>;
  readonly #first: { key: string; kind: Kind }[];

  constructor(from?: KeyReport<Kind>) {
    this.#counts = { ...from?.counts };
    this.#first = [...(from?.first ?? [])];
  }

  tell(key: string, kind: Kind): void {
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    if (this.#first.length < MAX_TOLD) this.#first.push({ key, kind });
  }

  report(): KeyReport<Kind> {
    return { counts: { ...this.#counts }, first: [...this.#first] };
  }
}

/** The report in a job's checkpoint; undefined before the first one. */
export function reportIn<Kind extends string = Told>(
  checkpoint: Readonly<Record<string, unknown>> | null,
): KeyReport<Kind> | undefined {
  const report = checkpoint?.['report'];
  return typeof report === 'object' && report !== null ? (report as KeyReport<Kind>) : undefined;
}
