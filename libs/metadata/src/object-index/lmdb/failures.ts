import { IndexError } from '../object-index.js';

/** MDB_MAP_FULL and the system's ENOSPC, EFBIG and EDQUOT: nothing more fits until an operator makes room. */
const FULL_CODES = new Set<unknown>([-30792, 28, 27, 122]);
const FULL_TEXT = /MDB_MAP_FULL|No space left|File too large|quota exceeded/i;

/**
 * Any failure of lmdb as the port's error: `full` where there is no room, else `unavailable`. Bad input (`TypeError`, `RangeError`)
 * and errors of the port itself pass through.
 */
export async function toIndexError(error: unknown): Promise<unknown> {
  if (error instanceof IndexError || error instanceof TypeError || error instanceof RangeError) return error;
  const reason = await reasonOfCommit(error);
  const text = textOf(reason);
  return isFull(reason)
    ? new IndexError('full', `the index has no room for the change: ${text}`, reason)
    : new IndexError('unavailable', `the index cannot be used: ${text}`, reason);
}

function isFull(reason: unknown): boolean {
  return (isObject(reason) && 'code' in reason && FULL_CODES.has(reason.code)) || FULL_TEXT.test(textOf(reason));
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
