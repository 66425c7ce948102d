import { randomBytes, randomFillSync } from 'node:crypto';
import type { WriteId } from '#libs/metadata';

/** So many bytes of the system's random source, in hex. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

const TIME_DIGITS = 12;
const RANDOM_BYTES = 10;

/** Random bytes for ids to come: asked for with each id they took 4 % of the time that the thread which serves spends on a small write. */
const ahead = Buffer.allocUnsafeSlow(128 * RANDOM_BYTES);
let used = ahead.length;

function nextRandom(): string {
  if (used === ahead.length) {
    randomFillSync(ahead);
    used = 0;
  }
  used += RANDOM_BYTES;
  return ahead.toString('hex', used - RANDOM_BYTES, used);
}

/** A new write id, 32 hex digits: the millisecond first, so that ids sort by time, then 80 random bits, so that nobody can guess one. */
export function newWriteId(now: number): WriteId {
  return (now.toString(16).padStart(TIME_DIGITS, '0') + nextRandom()) as WriteId;
}
