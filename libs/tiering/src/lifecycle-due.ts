import type { LifecycleMoment } from './lifecycle-rules.js';

/** One day in milliseconds. UTC has no daylight saving, so every day is that long. */
export const DAY_MS = 86_400_000;

/** The last instant a Date can hold; what falls due later never does. */
const LAST_INSTANT = 8.64e15;

/**
 * The instant, in milliseconds since 1970, from which a moment has passed for an object: a date is itself; days are added
 * to the last modification and the result rounded up to the *next* day at midnight UTC, as S3 does, so an object is never
 * early. 0 days is due at once. Infinity when no calendar reaches it.
 */
export function dueAt(moment: LifecycleMoment, lastModified: Date): number {
  if (moment.days === undefined) return Date.parse(moment.date);
  if (moment.days === 0) return lastModified.getTime();
  const elapsed = lastModified.getTime() + moment.days * DAY_MS;
  const midnight = (Math.floor(elapsed / DAY_MS) + 1) * DAY_MS;
  return midnight <= LAST_INSTANT ? midnight : Infinity;
}
