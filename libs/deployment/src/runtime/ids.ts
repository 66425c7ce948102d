import { randomBytes } from 'node:crypto';
import type { WriteId } from '#libs/metadata';

/** So many bytes of the system's random source, in hex. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

const TIME_DIGITS = 12;
const RANDOM_BYTES = 10;

/** A new write id, 32 hex digits: the millisecond first, so that ids sort by time, then 80 random bits, so that nobody can guess one. */
export function newWriteId(now: number): WriteId {
  return (now.toString(16).padStart(TIME_DIGITS, '0') + randomHex(RANDOM_BYTES)) as WriteId;
}
