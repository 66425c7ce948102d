import { MongoServerError } from 'mongodb';
import { IndexError } from '../object-index.js';

/** OutOfDiskSpace. */
const FULL_CODES = new Set<unknown>([14031]);
/** BSONObjectTooLarge and its elder brothers, KeyTooLong. */
const TOO_LARGE_CODES = new Set<unknown>([10334, 17280, 17419, 17420]);
const DUPLICATE_KEY = 11_000;

/** Any failure of MongoDB or its driver as the port's error. Bad input (`TypeError`, `RangeError`) and errors of the port itself pass through. */
export function toIndexError(error: unknown): unknown {
  if (error instanceof IndexError || error instanceof TypeError || error instanceof RangeError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof MongoServerError ? error.code : undefined;
  if (FULL_CODES.has(code)) return new IndexError('full', `the index has no room for the change: ${text}`, error);
  if (TOO_LARGE_CODES.has(code)) return new IndexError('too-large', `the index cannot hold this: ${text}`, error);
  return new IndexError('unavailable', `the index cannot be used: ${text}`, error);
}

/** True when an `_id` or a unique name was taken. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}
