import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import type { Engine } from '../engine.js';
import { ObjectsError } from '../errors.js';

/** The current record of a key, or undefined. */
export async function findRecord(
  engine: Engine,
  bucket: BucketDocument,
  key: string,
): Promise<ObjectRecord | undefined> {
  return (await engine.index.getKey({ bucket: bucket.id, key }))?.value.current;
}

/** The current record of a key; `no-such-key` if there is none. */
export async function requireRecord(engine: Engine, bucket: BucketDocument, key: string): Promise<ObjectRecord> {
  const record = await findRecord(engine, bucket, key);
  if (!record)
    throw new ObjectsError('no-such-key', `there is no object "${key}" in bucket ${bucket.name}`, { facts: { key } });
  return record;
}
