import { hash } from 'node:crypto';
import type { ObjectHead } from '#libs/backends';
import type { KeyAddress, WriteId } from '#libs/metadata';
import type { Engine } from '../engine.js';

const TIE_DIGITS = 16;
const OUTSIDE = 'outside-';

/**
 * A new write id, tied to the bucket and key it writes: `<id>.<16 hex digits of SHA-256>`. A stamp that was copied with its object to another key, or came from another deployment, is so told from one that
 * was sent here.
 */
export function newWriteIdFor(engine: Engine, address: KeyAddress): WriteId {
  return `${engine.newWriteId()}.${tieOf(address)}` as WriteId;
}

/** True if the write id was made for this very bucket and key. */
export function isTiedTo(address: KeyAddress, writeId: string | undefined): boolean {
  return writeId?.endsWith(`.${tieOf(address)}`) === true;
}

const TIME = /^[0-9a-f]{12}(?=[0-9a-f]{20}\.)/;

/** When a write of Spumoni's began, in milliseconds since the epoch, by the clock of its process; undefined for what others wrote. */
export function timeOfWriteId(writeId: string | undefined): number | undefined {
  const [digits] = TIME.exec(writeId ?? '') ?? [];
  return digits === undefined ? undefined : parseInt(digits, 16);
}

/** The write id that a record of standing bytes has: the one they bear, or for bytes without a stamp one made of their token. */
export function writeIdOf(head: Pick<ObjectHead, 'writeId' | 'token'>): WriteId {
  return (head.writeId ?? `${OUTSIDE}${head.token}`) as WriteId;
}

function tieOf({ bucket, key }: KeyAddress): string {
  return hash('sha256', `${bucket}\0${key}`, 'hex').slice(0, TIE_DIGITS);
}
