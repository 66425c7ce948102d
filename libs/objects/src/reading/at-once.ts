import type { ByteRange } from '#libs/backends';
import type { FoundKey, ObjectRecord } from '#libs/metadata';
import { ownsBucket } from '../buckets/open-bucket.js';
import type { Engine, OperationContext } from '../engine.js';
import { placementRef } from '../mutation/standing.js';

/*
 * Reads that wait for nothing (ADR 20): of an index in this process's memory, and of bytes that the system has in its own. They answer what `openBucket`, `requireRecord` and `openObject` would,
 * before they return, or undefined: where something has to be waited for, where there is nothing, or where anything is wrong. Those others are asked then, and say what it is.
 */

/** The current record of a key in a bucket that the caller may touch. */
export function recordAtOnce(
  engine: Engine,
  context: OperationContext,
  bucketName: string,
  key: string,
): ObjectRecord | undefined {
  const found = findAtOnce(engine, bucketName, key);
  if (!found || found.bucket.recovering !== undefined) return undefined;
  if (found.bucket.state === 'creating' || !ownsBucket(context, found.bucket)) return undefined;
  return found.document?.current;
}

function findAtOnce({ index }: Engine, bucketName: string, key: string): FoundKey | undefined {
  try {
    return index.atOnce?.findKey(bucketName, key);
  } catch {
    return undefined; // The index is asked again, by who can tell of its failure.
  }
}

/** The bytes of a record, or a range of them, as many as it says there are: they cannot be cut any more. Its reader may keep them. */
export function bytesAtOnce(engine: Engine, record: ObjectRecord, range?: ByteRange): Uint8Array | undefined {
  const { placement, sealing, missing, size } = record;
  if (sealing || missing) return undefined;
  const getAtOnce = engine.backends.opened?.(placement.backend)?.getAtOnce;
  const ref = placementRef(placement);
  const bytes = getAtOnce?.(range ? { ...ref, range } : ref);
  const expected = range ? range.end - range.start + 1 : size;
  return bytes?.byteLength === expected ? bytes : undefined;
}
