import { isBackendError, type ListedEntry, type ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketDocument, BucketId } from '#libs/metadata';
import { detachForGood, firstToBeLost } from '../adopting/forget-records.js';
import { forgetVanished } from '../recovering/forget-vanished.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend, isObjectsError, ObjectsError } from '../errors.js';
import { pause } from '../mutation/intents.js';
import { examineFreshIds, type ContainerOfBucket } from '../sweep/fresh-ids.js';
import { collectGarbage } from '../sweep/garbage.js';
import { isLive } from './marked-containers.js';
import { entriesOf, eraseContainer } from './erase-container.js';
import { holdsMarker, MARKER_KEY } from './marker.js';
import { changeBucket, requireBucket } from './open-bucket.js';
import { firstUnnamed } from './unnamed-entries.js';

/**
 * Deletes an empty bucket with its containers and frees its name. Marks the bucket first, so that it takes no more writes; waits for open intents; then refuses with `bucket-not-empty`, and opens the bucket again,
 * if the index or the vendor's own listing (versions and uploads included) shows anything but the marker. A deletion that was interrupted is carried on by the next.
 * A bucket that is being recovered from a backup goes only if its containers have gone already (`bucket-recovering`).
 * An adopted container is detached: its objects are forgotten here and stay where they are, so they do not stand in the way.
 */
export async function deleteBucket(engine: Engine, context: OperationContext, id: BucketId): Promise<void> {
  const bucket = await markDeleting(engine, context, id);
  await engine.reach('bucket-marked-deleting', bucket.name);
  try {
    await waitForIntents(engine, context, bucket);
    await assertNothingLost(engine, bucket);
    // Parts of open uploads are garbage to come: they go only once nothing else stands in the way.
    await assertContainersEmpty(engine, context, bucket, 'but for garbage');
    await dropGarbage(engine, context, bucket);
    await assertContainersEmpty(engine, context, bucket, 'wholly');
  } catch (error) {
    await reopen(engine, id);
    throw error;
  }
  await eraseContainers(engine, context, bucket);
  await engine.reach('container-deleted', bucket.name);
  await forgetBucket(engine, id);
}

/** Of two deletions at once one may have given up and opened the bucket again: then the other must not go on. */
function stillDeleting({ name, state }: BucketDocument): void {
  if (state === 'deleting') return;
  throw new ObjectsError('busy', `bucket ${name} was opened again meanwhile; delete it again`, {
    retryAfterSeconds: 1,
  });
}

async function markDeleting(engine: Engine, context: OperationContext, id: BucketId): Promise<BucketDocument> {
  const { value } = await requireBucket(engine, id);
  if (value.recovering !== undefined) await forgetVanished(engine, context, value);
  if (value.state !== 'deleting') await assertNothingLost(engine, value);
  await engine.buckets.update(id, { state: 'deleting' });
  return changeBucket(engine, id, (current) =>
    current.state === 'deleting' ? undefined : { ...current, state: 'deleting' },
  );
}

/** Opens the bucket again, unless its home has begun to go or was never finished. */
async function reopen(engine: Engine, id: BucketId): Promise<void> {
  const bucket = await changeBucket(engine, id, (current) =>
    current.containers.some((c) => c.backend === current.home && isLive(c))
      ? { ...current, state: 'active' }
      : undefined,
  );
  if (bucket.state === 'active') await engine.buckets.update(id, { state: 'active' });
}

async function assertNothingLost(engine: Engine, bucket: BucketDocument): Promise<void> {
  const first = await firstToBeLost(engine, bucket);
  if (first !== undefined) throw notEmpty(bucket, `it holds objects, the first of them "${first}"`);
}

function notEmpty(bucket: BucketDocument, why: string): ObjectsError {
  return new ObjectsError('bucket-not-empty', `bucket ${bucket.name} is not empty: ${why}`);
}

async function waitForIntents(engine: Engine, context: OperationContext, bucket: BucketDocument): Promise<void> {
  const until = engine.clock.monotonic() + engine.settings.patienceMs;
  for (;;) {
    const pending = await engine.index.listPending({ bucket: bucket.id, limit: 1000 });
    if (pending.every((item) => item.value.intents.length === 0)) return;
    await pause(engine, until, `writes to bucket ${bucket.name} are under way`, context.signal);
  }
}

/** Nobody reads a bucket that is going, so its garbage needs no grace. */
async function dropGarbage(engine: Engine, context: OperationContext, bucket: BucketDocument): Promise<void> {
  for (;;) {
    const pending = await engine.index.listPending({ bucket: bucket.id, limit: 500 });
    if (pending.length === 0) return;
    let deleted = 0;
    for (const item of pending)
      deleted += await collectGarbage(engine, context, {
        bucket,
        address: { bucket: bucket.id, key: item.key },
        graceOver: true,
      });
    if (deleted === 0)
      throw new ObjectsError('busy', `bucket ${bucket.name} is still being cleaned up; try again`, {
        retryAfterSeconds: 5,
      });
  }
}

async function assertContainersEmpty(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  how: 'but for garbage' | 'wholly',
): Promise<void> {
  for (const container of bucket.containers) {
    if (container.adopted) continue;
    const backend = await engine.backends.open(container.backend);
    await assertContainerEmpty(engine, context, { bucket, container, backend }, () =>
      how === 'wholly'
        ? firstStranger(context, backend, container)
        : firstUnnamed(engine, context, { bucket: bucket.id, container, backend }),
    );
  }
}

async function assertContainerEmpty(
  engine: Engine,
  context: OperationContext,
  { bucket, container, backend }: ContainerOfBucket,
  look: () => Promise<ListedEntry | undefined>,
): Promise<void> {
  try {
    await examineFreshIds(engine, context, { bucket, container, backend });
    const stranger = await look();
    const isMarked = await holdsMarker(engine, callOf(context), backend, { container, bucket: bucket.id });
    if (container.marker !== '' && !isMarked) await refuseUnmarked(context, backend, container);
    if (stranger && (isMarked || container.retiring))
      throw notEmpty(
        bucket,
        `${backend.name} still holds "${stranger.key}" (${stranger.kind}) in container ${container.container}`,
      );
  } catch (error) {
    if (isBackendError(error, 'not-found')) return;
    throw fromBackend(error, backend.name);
  }
}

/** Throws for a container that is there without its marker; `not-found` where there is none at all. */
async function refuseUnmarked(
  context: OperationContext,
  backend: ObjectBackend,
  container: BucketContainer,
): Promise<never> {
  await backend.inspectContainer(callOf(context), container.container);
  throw notOwn(backend.name, container);
}

function notOwn(backend: string, container: BucketContainer): ObjectsError {
  return new ObjectsError(
    'backend-unavailable',
    `container ${container.container} on ${backend} does not bear this bucket's marker: is the endpoint the right one?`,
    { retryAfterSeconds: 30 },
  );
}

async function firstStranger(
  context: OperationContext,
  backend: ObjectBackend,
  container: BucketContainer,
): Promise<ListedEntry | undefined> {
  for await (const entry of entriesOf(context, backend, container.container))
    if (entry.key !== MARKER_KEY) return entry;
  return undefined;
}

/**
 * Removes each container of a bucket that is being deleted and holds nothing any more. Idempotent. Adopted containers are detached. A container that was only planned and is not this bucket's stays too;
 * one that was made and is not this bucket's fails with `backend-unavailable`.
 */
export async function eraseContainers(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
): Promise<void> {
  for (const container of bucket.containers) {
    if (container.adopted) {
      await detachForGood(engine, context, { bucket, container, mayGo: stillDeleting });
      continue;
    }
    const outcome = await eraseContainer(engine, context, { bucket: bucket.id, container, mayGo: stillDeleting });
    if (outcome === 'foreign' && container.marker !== '') throw notOwn(container.backend, container);
  }
}

/** The last step: the index's document, then the row, which frees the name. */
export async function forgetBucket(engine: Engine, id: BucketId): Promise<void> {
  const found = await engine.index.getBucket(id);
  if (found && (await engine.index.changeBucket(id, found.version, undefined)) !== 'changed') {
    throw new ObjectsError('busy', 'the bucket changed while it was being deleted; try again', {
      retryAfterSeconds: 1,
    });
  }
  if (found) engine.observer?.bucketChanged(found.value, null);
  try {
    await engine.buckets.delete(id);
  } catch (error) {
    if (!isObjectsError(error) && !isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'kind' in error && error.kind === 'not-found';
}
