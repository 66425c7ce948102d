import { randomBytes } from 'node:crypto';

/*
 * An id has 26 characters of Crockford's base 32 and sorts by age:
 *
 *    0  10   milliseconds since 1970
 *   10   1   shard: how many times this process has filled a directory within the slice of time
 *   11   3   counts within a millisecond
 *   14  12   the session of the process that made it (see sessions.ts)
 *
 * The directory of its file follows from the id alone: `<0-4>/<5-6><10>`. The first seven characters are a slice of time.
 */

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const ID = /^[0-9a-hjkmnp-tv-z]{26}$/;
const SESSION = /^[0-9a-hjkmnp-tv-z]{12}$/;
const PERIOD = /^[0-9a-hjkmnp-tv-z]{5}$/;
const SLICE = /^[0-9a-hjkmnp-tv-z]{3}$/;

/** Milliseconds of one slice of time, about 33 s: those who write in it share one directory, and so its syncs. */
export const SLICE_MS = 2 ** 15;
/** Milliseconds of one period, about 9 h: the directories of its 1,024 slices lie together. */
export const PERIOD_MS = 2 ** 25;
/** After so many files a process goes on in another directory of the same slice. */
const FILES_OF_DIRECTORY = 2 ** 15;
const IDS_OF_MILLISECOND = 2 ** 15;

function base32(value: number, length: number): string {
  let text = '';
  for (let rest = value, left = length; left > 0; left--) {
    text = (DIGITS[rest % 32] ?? '0') + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function numberOf(text: string): number {
  let value = 0;
  for (const digit of text) value = value * 32 + DIGITS.indexOf(digit);
  return value;
}

/** Makes ids. Each sorts after the one before, also when the clock steps back. Two processes never make the same: their sessions differ. */
export class IdSource {
  private last = -1;
  private lastText = '';
  private inMillisecond = 0;
  private inSlice = 0;

  constructor(private readonly now: () => number = Date.now) {}

  /** No id from now on bears an earlier time, in milliseconds since 1970. */
  time(): number {
    return Math.max(this.last, this.now());
  }

  next(session: string): string {
    const full = this.inMillisecond >= IDS_OF_MILLISECOND - 1;
    this.advance(Math.max(this.time(), full ? this.last + 1 : 0));
    const shard = Math.min(31, Math.floor(this.inSlice++ / FILES_OF_DIRECTORY));
    return this.lastText + (DIGITS[shard] ?? '0') + base32(this.inMillisecond, 3) + session;
  }

  private advance(time: number): void {
    if (time === this.last) {
      this.inMillisecond++;
      return;
    }
    if (Math.floor(time / SLICE_MS) !== Math.floor(this.last / SLICE_MS)) this.inSlice = 0;
    this.last = time;
    this.lastText = base32(time, 10);
    this.inMillisecond = 0;
  }
}

/** A name for a session: 60 random bits, so that no two are the same and nobody guesses an id. */
export function newSessionId(): string {
  return [...randomBytes(12)].map((byte) => DIGITS[byte % 32] ?? '0').join('');
}

export function isId(text: string): boolean {
  return ID.test(text);
}
export function isSessionId(text: string): boolean {
  return SESSION.test(text);
}

/** The session whose process made the id. */
export function sessionOf(id: string): string {
  return id.slice(14);
}
/** When the id was made, in milliseconds since 1970. */
export function timeOf(id: string): number {
  return numberOf(id.slice(0, 10));
}

/** The directory of an id, in two steps below its container. */
export function sliceOf(id: string): { period: string; slice: string } {
  return { period: id.slice(0, 5), slice: id.slice(5, 7) + id.charAt(10) };
}

/** When a period began, by the name of its directory; undefined if it is the name of none. */
export function periodStart(period: string): number | undefined {
  return PERIOD.test(period) ? numberOf(period) * PERIOD_MS : undefined;
}
/** When a slice began, by the names of its directories; undefined if it is the name of none. */
export function sliceStart(period: string, slice: string): number | undefined {
  const start = periodStart(period);
  return start === undefined || !SLICE.test(slice) ? undefined : start + numberOf(slice.slice(0, 2)) * SLICE_MS;
}
