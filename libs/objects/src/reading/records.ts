import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import { adoptingContainer, indexUnknown } from '../adopting/index-unknown.js';
import type { Engine, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';
import { assertRecovered } from '../recovering/recovered.js';

/** The current record of a key, or undefined. */
export async function findRecord(
  engine: Engine,
  bucket: BucketDocument,
  key: string,
): Promise<ObjectRecord | undefined> {
  assertRecovered(bucket);
  const found = await engine.index.getKey({ bucket: bucket.id, key });
  if (found?.value.current || !adoptingContainer(bucket)) return found?.value.current;
  // What lies in a container that is being taken over may not be indexed yet.
  await indexUnknown(engine, ADOPTER, bucket, key);
  return (await engine.index.getKey({ bucket: bucket.id, key }))?.value.current;
}

/** Indexing a key is no act of the client's who happened to ask for it first. */
const ADOPTER: OperationContext = { requestId: 'adoption', actor: { userId: '', isAdmin: true } };

/** The current record of a key; `no-such-key` if there is none. */
export async function requireRecord(engine: Engine, bucket: BucketDocument, key: string): Promise<ObjectRecord> {
  const record = await findRecord(engine, bucket, key);
  if (!record)
    throw new ObjectsError('no-such-key', `there is no object "${key}" in bucket ${bucket.name}`, { facts: { key } });
  return record;
}
