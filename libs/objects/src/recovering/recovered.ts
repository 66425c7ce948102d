import type { BucketDocument, BucketId } from '#libs/metadata';
import { changeBucket } from '../buckets/open-bucket.js';
import type { Engine } from '../engine.js';
import { ObjectsError } from '../errors.js';

const RETRY_AFTER_SECONDS = 30;

/**
 * Fails with `bucket-recovering` while what was written after the backup, from which the bucket was restored, is still being looked for. Until then the index does not know what stands where: a read could be of an older object, a listing short, and a
 * sweep could delete bytes that somebody was told are safe.
 */
export function assertRecovered(bucket: BucketDocument): void {
  if (bucket.recovering === undefined) return;
  throw new ObjectsError(
    'bucket-recovering',
    `bucket ${bucket.name} was restored from a backup, and what was written after it is still being looked for at its vendors; wait for the bucket's job of type reconcile, or begin it again if it failed`,
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

/**
 * False once another run has ended the recovery. Asked after the vendor was, and before the index is changed by what it said: since then clients write, and what stands there may be of a write that is under way and may yet be refused.
 */
export async function isRecovering(engine: Engine, bucket: BucketId): Promise<boolean> {
  return (await engine.index.getBucket(bucket))?.value.recovering !== undefined;
}

/** Opens a bucket whose recovery has ended. Containers that were being adopted have been gone through as well. */
export async function endRecovery(engine: Engine, bucket: BucketDocument): Promise<void> {
  await changeBucket(engine, bucket.id, (current) => {
    if (current.recovering === undefined) return undefined;
    const { recovering: _over, ...rest } = current;
    return { ...rest, containers: rest.containers.map(({ adopting: _indexed, ...container }) => container) };
  });
}
