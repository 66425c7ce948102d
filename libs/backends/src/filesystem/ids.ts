import { randomBytes } from 'node:crypto';

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const ID = /^[0-9a-hjkmnp-tv-z]{26}$/;

function base32(value: number, length: number): string {
  let text = '';
  for (let rest = value, left = length; left > 0; left--) {
    text = (DIGITS[rest % 32] ?? '0') + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** Gives a fresh id. */
export type NewId = () => string;

/**
 * Ids of 26 characters that sort by age: 48 bits of milliseconds, 20 bits that count within a millisecond, 60 random bits, so that nobody guesses one and
 * no two processes make the same. Within a process each id sorts after the one before, also when the clock steps back.
 */
export function idSource(now: () => number = Date.now): NewId {
  let last = 0;
  let count = 0;
  return () => {
    const time = now();
    count = time > last ? 0 : count + 1;
    last = Math.max(last, time);
    if (count >= 2 ** 20) {
      last++;
      count = 0;
    }
    const random = [...randomBytes(12)].map((byte) => DIGITS[byte % 32] ?? '0').join('');
    return base32(last, 10) + base32(count, 4) + random;
  };
}

export function isId(text: string): boolean {
  return ID.test(text);
}

/** The fan-out directory of an id: one of 256, from its random end. */
export function fanOf(id: string): string {
  const high = DIGITS.indexOf(id.charAt(24)) & 7;
  return (high * 32 + DIGITS.indexOf(id.charAt(25))).toString(16).padStart(2, '0');
}
