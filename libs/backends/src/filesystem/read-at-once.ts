import type { GetAtOnce } from '../object-backend.js';
import { FileFacts } from './file-facts.js';
import type { Place } from './place.js';
import { isBodyWhole, spanOf } from './read.js';
import { closeAtOnce, readBeginningAtOnce } from './syscalls.js';

/** Files up to this size are read by one call: nearly all that were written in place. */
const MOST_BYTES = 72 * 1024;

/** What a file is read into. One is enough: nothing else runs until its bytes have been copied out of it. */
const beginning = Buffer.allocUnsafeSlow(MOST_BYTES);

/**
 * The bytes of one write of one key, or a range of them, from a small file that the system has in memory. The file is opened, read and checked each time, so damage and removal show.
 * Undefined where it is not warm, not small, not there, not of that key or not whole: the read that may wait says which.
 */
export function readAtOnce(place: Place, request: Parameters<GetAtOnce>[0]): Uint8Array | undefined {
  const { container, key, token, range } = request;
  if (!place.warm.has(token)) return undefined;
  const path = place.layout.fileOfToken(container, token);
  const count = path === undefined ? undefined : readSmall(place, path);
  const facts = count === undefined ? undefined : FileFacts.of(beginning.subarray(0, count), count);
  if (!facts?.whole || !facts.isOf(key) || !isBodyWhole(facts)) return undefined;
  const { start, end } = spanOf(range, facts.footer.bodyLength);
  return Buffer.from(facts.whole.subarray(start, end));
}

/** The size of a file that was read whole. */
function readSmall(place: Place, path: string): number | undefined {
  try {
    const { count, fd } = place.warm.readAtOnce(() => readBeginningAtOnce(path, beginning));
    if (fd === undefined) return count;
    closeAtOnce(fd);
    return undefined;
  } catch {
    return undefined; // Whoever reads it through the pool is told what is wrong, if it still is.
  }
}
