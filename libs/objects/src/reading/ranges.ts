import type { ByteRange } from '#libs/backends';
import { ObjectsError } from '../errors.js';

/** A range as asked for: from a position (to an inclusive end), or the last so many bytes. */
export type RangeRequest = { readonly from: number; readonly to?: number } | { readonly last: number };

/** The bytes a request means in an object of this size (RFC 9110 section 14.1.2). Fails with `invalid-range` when none of them exist. */
export function resolveRange(request: RangeRequest, size: number): ByteRange {
  const range =
    'last' in request
      ? { start: Math.max(0, size - request.last), end: size - 1 }
      : { start: request.from, end: Math.min(request.to ?? size - 1, size - 1) };
  const isEmpty = 'last' in request && request.last === 0;
  if (isEmpty || range.start > range.end || range.start >= size) {
    throw new ObjectsError('invalid-range', `the range lies outside the object, which has ${size} bytes`, {
      facts: { size },
    });
  }
  return range;
}
