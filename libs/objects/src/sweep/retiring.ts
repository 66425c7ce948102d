import type { BucketContainer, BucketDocument, BucketId, KeyAddress } from '#libs/metadata';
import { detachContainer } from '../adopting/take-container.js';
import { entriesOf, eraseContainer, isSameContainer } from '../buckets/erase-container.js';
import { MARKER_KEY } from '../buckets/marker.js';
import { changeBucket } from '../buckets/open-bucket.js';
import type { Engine, OperationContext } from '../engine.js';
import { fromBackend, isObjectsError, ObjectsError } from '../errors.js';
import { isBackendError } from '#libs/backends';

/**
 * Removes the containers that a migration left, once no intent and no garbage names them and they hold nothing but their marker. An adopted one is detached, whatever it holds. Answers how many went.
 * No write can begin in a retiring container, so what is named nowhere now never will be. A container that fails is told to `onFailure`, which may throw, and keeps no other from going.
 */
export async function removeRetired(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  onFailure: (container: BucketContainer, error: unknown) => void,
): Promise<number> {
  const retiring = bucket.containers.filter((c) => c.retiring);
  if (retiring.length === 0) return 0;
  // One look at what is pending for all of them; those that it does not name are looked for once more, each just before it goes.
  const awaited = await awaitedIn(engine, bucket.id);
  let removed = 0;
  for (const container of retiring) {
    if (awaited.has(placeName(container))) continue;
    try {
      if (await removeOne(engine, context, bucket.id, container)) removed += 1;
    } catch (error) {
      onFailure(container, error);
    }
  }
  return removed;
}

/** False if it cannot go yet. */
async function removeOne(
  engine: Engine,
  context: OperationContext,
  bucket: BucketId,
  container: BucketContainer,
): Promise<boolean> {
  if (await isAwaited(engine, bucket, container)) return false;
  if (container.adopted) {
    if (!(await detach(engine, context, bucket, container))) return false;
  } else {
    if (!(await isBare(engine, context, container))) return false;
    if ((await erase(engine, context, bucket, container)) === 'kept') return false;
  }
  await changeBucket(engine, bucket, (current) => ({
    ...current,
    containers: current.containers.filter((c) => !(c.retiring && isSameContainer(c, container))),
  }));
  return true;
}

/** False if a migration that found more to move took it back. */
async function detach(
  engine: Engine,
  context: OperationContext,
  bucket: BucketId,
  container: BucketContainer,
): Promise<boolean> {
  const isGoing = (c: BucketContainer): boolean => c.retiring === true && isSameContainer(c, container);
  const after = await changeBucket(engine, bucket, (current) => ({
    ...current,
    containers: current.containers.map((c) => (isGoing(c) ? { ...c, marker: '' } : c)),
  }));
  if (!after.containers.some(isGoing)) return false;
  const { backend: backendId, container: name } = container;
  await detachContainer(engine, context, { bucket, container: name, backendId });
  return true;
}

/** `kept`: it is not this bucket's, a migration that found more to move took it back, or something came to lie in it; the next sweep looks again. */
async function erase(
  engine: Engine,
  context: OperationContext,
  bucket: BucketId,
  container: BucketContainer,
): Promise<'erased' | 'kept'> {
  const mayGo = ({ containers }: BucketDocument): void => {
    if (!containers.some((c) => c.retiring && isSameContainer(c, container)))
      throw new ObjectsError('changed-meanwhile', 'the container is in use again');
  };
  try {
    const outcome = await eraseContainer(engine, context, { bucket, container, mayGo });
    return outcome === 'foreign' ? 'kept' : 'erased';
  } catch (error) {
    if (isObjectsError(error, 'changed-meanwhile') || isObjectsError(error, 'bucket-not-empty')) return 'kept';
    throw error;
  }
}

const PAGE = 500;

type Place = Pick<BucketContainer, 'backend' | 'container'>;

function placeName({ backend, container }: Place): string {
  return JSON.stringify([backend, container]);
}

/** The containers in which something that is still to be dealt with lies, or may come to lie. */
async function awaitedIn(engine: Engine, bucket: BucketId): Promise<ReadonlySet<string>> {
  const awaited = new Set<string>();
  for await (const placement of pendingPlacements(engine, bucket)) awaited.add(placeName(placement));
  return awaited;
}

/** The same of one container, as of now. */
async function isAwaited(engine: Engine, bucket: BucketId, container: BucketContainer): Promise<boolean> {
  for await (const placement of pendingPlacements(engine, bucket))
    if (isSameContainer(placement, container)) return true;
  return false;
}

async function* pendingPlacements(engine: Engine, bucket: BucketId): AsyncGenerator<Place> {
  let after: KeyAddress | undefined;
  for (;;) {
    const page = await engine.index.listPending({ bucket, limit: PAGE, ...(after ? { after } : {}) });
    for (const { value } of page) {
      for (const { placement } of value.garbage) yield placement;
      for (const { candidate } of value.intents) yield candidate.placement;
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = { bucket, key: last.key };
  }
}

async function isBare(engine: Engine, context: OperationContext, container: BucketContainer): Promise<boolean> {
  const backend = await engine.backends.open(container.backend);
  try {
    for await (const entry of entriesOf(context, backend, container.container))
      if (entry.key !== MARKER_KEY) return false;
    return true;
  } catch (error) {
    if (isBackendError(error, 'not-found')) return true;
    throw fromBackend(error, backend.name);
  }
}
