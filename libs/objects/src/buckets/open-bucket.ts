import type { BucketDocument, BucketId, Versioned } from '#libs/metadata';
import type { Engine, KnownBackend, OperationContext } from '../engine.js';
import { ObjectsError } from '../errors.js';

/** The bucket of that name, if the caller may touch it. Fails with `no-such-bucket` or `access-denied`. */
export async function openBucket(engine: Engine, context: OperationContext, name: string): Promise<BucketDocument> {
  const found = await engine.index.findBucket(name);
  if (!found || found.value.state === 'creating') throw noSuchBucket(name);
  assertOwner(context, found.value);
  return found.value;
}

export function assertOwner(context: OperationContext, bucket: BucketDocument): void {
  if (ownsBucket(context, bucket)) return;
  throw new ObjectsError('access-denied', `bucket ${bucket.name} belongs to somebody else`);
}

/** Whether the caller may touch it. */
export function ownsBucket({ actor }: OperationContext, bucket: BucketDocument): boolean {
  return actor.isAdmin || bucket.ownerId === actor.userId;
}

export function noSuchBucket(name: string): ObjectsError {
  return new ObjectsError('no-such-bucket', `there is no bucket "${name}"`, { facts: { bucket: name } });
}

/** For jobs, which know ids: the newest document, or `no-such-bucket`. */
export async function requireBucket(engine: Engine, id: BucketId): Promise<Versioned<BucketDocument>> {
  const found = await engine.index.getBucket(id);
  if (!found) throw noSuchBucket(id);
  return found;
}

/** Changes a bucket's document by compare-and-set; `change` is shown the newest and answers undefined to leave it. */
export async function changeBucket(
  engine: Engine,
  id: BucketId,
  change: (bucket: BucketDocument) => BucketDocument | undefined,
): Promise<BucketDocument> {
  for (;;) {
    const found = await requireBucket(engine, id);
    const next = change(found.value);
    if (!next) return found.value;
    if ((await engine.index.changeBucket(id, found.version, next)) !== 'changed') continue;
    engine.observer?.bucketChanged(found.value, next);
    return next;
  }
}

/** The registered backend of that name; `unknown-backend` lists those there are. */
export async function requireBackend(engine: Engine, name: string): Promise<KnownBackend> {
  const all = await engine.catalog.list();
  const found = all.find((backend) => backend.name === name);
  if (found) return found;
  throw new ObjectsError(
    'unknown-backend',
    `there is no backend "${name}"; registered are: ${all.map((b) => b.name).join(', ') || 'none'}`,
    { facts: { backend: name } },
  );
}
