import { statfs } from 'node:fs/promises';
import { IndexError } from '../object-index.js';

/** MDB_MAP_FULL and the system's ENOSPC, EFBIG and EDQUOT: nothing more fits until an operator makes room. */
const FULL_CODES = new Set<unknown>([-30792, 28, 27, 122]);
const FULL_TEXT = /MDB_MAP_FULL|No space left|File too large|quota exceeded/i;

const EIO = 5;
/** With less free than this a short write is for want of room: a commit under load is of this order. */
const LEAST_ROOM = 16 * 1024 * 1024;

/**
 * Any failure of lmdb as the port's error: `full` where there is no room, else `unavailable`. Bad input (`TypeError`, `RangeError`)
 * and errors of the port itself pass through.
 */
export async function toIndexError(error: unknown, path: string): Promise<unknown> {
  if (error instanceof IndexError || error instanceof TypeError || error instanceof RangeError) return error;
  const reason = await reasonOfCommit(error);
  const text = textOf(reason);
  return isFull(reason) || (isShortWrite(reason) && (await hasNoRoom(path)))
    ? new IndexError('full', `the index has no room for the change: ${text}`, reason)
    : new IndexError('unavailable', `the index cannot be used: ${text}`, reason);
}

function isFull(reason: unknown): boolean {
  return (isObject(reason) && 'code' in reason && FULL_CODES.has(reason.code)) || FULL_TEXT.test(textOf(reason));
}

/** LMDB calls a write that stopped short an input/output error. */
function isShortWrite(reason: unknown): boolean {
  return isObject(reason) && 'code' in reason && reason.code === EIO;
}

async function hasNoRoom(path: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize < LEAST_ROOM;
}

/** Errors of native code may be of another realm, so their shape is asked and not their class. */
function textOf(reason: unknown): string {
  return isObject(reason) && 'message' in reason ? String(reason.message) : String(reason);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** lmdb rejects every change of a failed commit at once and tells why in a promise of its own, which must not be left unheard. */
async function reasonOfCommit(error: unknown): Promise<unknown> {
  if (!isObject(error) || !('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}
