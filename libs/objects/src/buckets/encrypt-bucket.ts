import type { BucketDocument } from '#libs/metadata';
import type { Engine } from '../engine.js';
import { changeBucket } from './open-bucket.js';

/**
 * Says whether objects that are written from now on are sealed before they go to the vendor; answers the bucket as it is then. What lies there already stays as it is: each record says how its bytes lie.
 * A write under way when this returns may still be of the old choice.
 */
export function encryptBucket(engine: Engine, bucket: BucketDocument, enabled: boolean): Promise<BucketDocument> {
  return changeBucket(engine, bucket.id, ({ encrypted = false, ...rest }) => {
    if (encrypted === enabled) return undefined;
    return enabled ? { ...rest, encrypted: true } : rest;
  });
}
