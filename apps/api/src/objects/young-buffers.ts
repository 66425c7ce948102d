import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many bytes of uploads come between two collections. */
const COLLECTED_BYTES = 16 * 1024 * 1024;
/** A buffer that waits for a slow disk through two collections is young no more, and its room is not given back. So much of that is borne, */
const BORNE_BYTES = 48 * 1024 * 1024;
/** and the whole heap, which takes some 50 ms, is collected no more often than once in so many bytes. */
const WHOLE_BYTES = 512 * 1024 * 1024;

type Collect = (options: { readonly type: 'minor' | 'major' }) => void;

/**
 * V8's own collector, which Node keeps to itself unless asked; and V8 told that buffers are no reason of their own to mark the heap. From its first whole collection on V8 allows the heap little room above what lives,
 * buffers included, and marks it again and again while uploads run, at two to three times their CPU: so the room is said, three times what lives.
 */
function collector(): Collect {
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  setFlagsFromString('--heap-growing-percent=200');
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}

let collect: Collect | undefined;
let received = 0;
let sinceWhole = 0;

/**
 * Has the young part of the heap collected, which takes a millisecond, once so many bytes of uploads have come. An upload is a stream of small buffers, each dead as soon as it is written. V8 collects its young
 * objects by the room they take in the heap, where a buffer is a hundred bytes; so the buffers pile up, and after each 64 MiB it marks the whole heap to be rid of them: a third of an upload's CPU.
 */
export function noteReceived(bytes: number): void {
  received += bytes;
  if (received < COLLECTED_BYTES) return;
  sinceWhole += received;
  received = 0;
  collect ??= collector();
  collect({ type: 'minor' });
  if (sinceWhole < WHOLE_BYTES || process.memoryUsage().arrayBuffers < BORNE_BYTES) return;
  sinceWhole = 0;
  collect({ type: 'major' });
}
