import type { NewAuditRecord } from '#libs/metadata';

/** Distinct refusals of one source that are kept between two flushes; the rest of that source is counted in one more record. */
const DISTINCT_A_SOURCE = 50;
/** Records that may wait in all. */
const WAITING = 2_000;
/** Stands for the action and the resource of refusals that are only counted. */
export const SEVERAL = '(several)';

/**
 * Refusals that wait to be written: equal ones are one record with a count, and memory and rows are bounded whatever anybody sends. What finds no room is counted as dropped.
 */
export class RefusalBuffer {
  #waiting = new Map<string, NewAuditRecord & { readonly count: number }>();
  #ofSource = new Map<string, number>();
  #dropped = 0;

  /** Takes a refusal in. False if there was no room: it is counted as dropped. */
  add(record: NewAuditRecord): boolean {
    const { count = 1, remoteAddress = '' } = record;
    const own = keyOf(record);
    const known = this.#waiting.get(own);
    if (known) {
      this.#waiting.set(own, { ...known, count: known.count + count });
      return true;
    }
    const distinct = this.#ofSource.get(remoteAddress) ?? 0;
    const isSummed = record.action === SEVERAL;
    if (distinct >= DISTINCT_A_SOURCE && !isSummed) return this.add(summed(record, count));
    if (this.#waiting.size >= WAITING) {
      this.#dropped += count;
      return false;
    }
    this.#waiting.set(own, { ...record, count });
    if (!isSummed) this.#ofSource.set(remoteAddress, distinct + 1);
    return true;
  }

  /** Everything that waits, and how many were dropped since the last time. What cannot be written is to be added again. */
  take(): { readonly records: readonly NewAuditRecord[]; readonly dropped: number } {
    const taken = { records: [...this.#waiting.values()], dropped: this.#dropped };
    this.#waiting = new Map();
    this.#ofSource = new Map();
    this.#dropped = 0;
    return taken;
  }

  /** Counts refusals as dropped that were taken and could not be reported. */
  drop(count: number): void {
    this.#dropped += count;
  }
}

/** Same source, same caller, same question, same answer. */
function keyOf(record: NewAuditRecord): string {
  const { remoteAddress, forwardedFor, actorId, accessKey, action, resource, status, code } = record;
  return JSON.stringify([remoteAddress, forwardedFor, actorId, accessKey, action, resource, status, code]);
}

function summed({ at, remoteAddress, result }: NewAuditRecord, count: number): NewAuditRecord {
  const source = remoteAddress === undefined ? {} : { remoteAddress };
  return { at, ...source, action: SEVERAL, resource: SEVERAL, result, count };
}
