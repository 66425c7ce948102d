import { encodeKey, validateObjectKey } from '#libs/naming';
import type { BucketContainer, BucketDocument } from '#libs/metadata';
import { assertOwnContainer } from '../buckets/marker.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { isSamePlace } from '../mutation/key-changes.js';
import { settleKey } from '../reconciling/settle-key.js';
import { targetAt } from '../target.js';

/** The container whose objects a job is still indexing, if the bucket has one. */
export function adoptingContainer(bucket: BucketDocument): BucketContainer | undefined {
  return bucket.containers.find((container) => container.adopting && !container.retiring);
}

/**
 * While a container that was taken over is still being indexed: indexes one key at once, if the index knows nothing of it and the vendor has it. So reads find what no listing shows yet, and conditions, overwrites and
 * deletes mean what they say. Costs nothing for a bucket that is not being adopted, and for a key that is known one look into the index.
 */
export async function indexUnknown(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  key: string,
): Promise<void> {
  const adopting = adoptingContainer(bucket);
  // Spumoni's own keys, the marker's above all, are nobody's objects.
  if (!adopting || bucket.state !== 'active' || validateObjectKey(key).length > 0) return;
  const found = await engine.index.getKey({ bucket: bucket.id, key });
  if (found?.value.current) return;
  // Whoever is writing the key looked before the intent was opened: there was nothing, and a long upload is not waited for.
  if (found?.value.intents.some(({ kind }) => kind !== 'heal')) return;
  const backend = await engine.backends.open(adopting.backend);
  const encoded = encodeKey(key, backend.vendor);
  if (!encoded.ok) return;
  const { backend: backendId, container } = adopting;
  const place = { backend: backendId, container, key: encoded.key };
  // Deleted by a client, and its bytes wait for the grace.
  if (found?.value.garbage.some(({ placement }) => isSamePlace({ ...placement, ...place }, placement))) return;
  const target = await targetAt(engine, bucket, key, place);
  const assertOwn = (): Promise<void> =>
    assertOwnContainer(engine, callOf(context), backend, { container, backendId, bucket });
  await settleKey(engine, context, { target, assertOwn });
}
