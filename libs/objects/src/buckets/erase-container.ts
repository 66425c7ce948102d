import { isBackendError, type ListedEntry, type ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketDocument, BucketId } from '#libs/metadata';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend, ObjectsError } from '../errors.js';
import { markerAt, MARKER_KEY } from './marker.js';
import { changeBucket } from './open-bucket.js';

/** One container that a bucket's document lists. */
export interface Erasure {
  readonly bucket: BucketId;
  readonly container: BucketContainer;
  /** Shown the newest document in the step that lets the container go; throws if it may not after all. */
  readonly mayGo: (bucket: BucketDocument) => void;
}

/**
 * Removes a container that holds nothing but its marker: first the document says that it is going, so that an interrupted erasure is told from a stranger's container; then the marker, then the container.
 * Idempotent. `foreign`: what stands under that name is not this bucket's, by its marker or for want of one, and was left alone. Fails with `bucket-not-empty` if it holds more.
 */
export async function eraseContainer(
  engine: Engine,
  context: OperationContext,
  erasure: Erasure,
): Promise<'erased' | 'foreign'> {
  const { container } = erasure;
  const backend = await engine.backends.open(container.backend);
  try {
    const whose = await ownerOf(engine, context, backend, erasure);
    if (whose === 'foreign') return 'foreign';
    await claim(engine, erasure);
    if (whose === 'own') await remove(context, backend, container.container);
    return 'erased';
  } catch (error) {
    if (isBackendError(error, 'not-found')) return 'erased';
    if (isBackendError(error, 'conflict'))
      throw new ObjectsError('bucket-not-empty', `container ${container.container} on ${backend.name} is not empty`, {
        cause: error,
      });
    throw fromBackend(error, backend.name);
  }
}

/**
 * A container without a marker is ours only if the document says that it has none: planned and not marked yet, or going already. Even then it must hold nothing,
 * as between the plan and the making somebody else may have taken the name.
 */
async function ownerOf(
  engine: Engine,
  context: OperationContext,
  backend: ObjectBackend,
  { bucket, container }: Erasure,
): Promise<'own' | 'foreign' | 'gone'> {
  const marker = await markerAt(engine, callOf(context), backend, { container: container.container, bucket });
  if (marker !== 'none') return marker;
  const first = await firstEntry(context, backend, container.container);
  if (first === 'gone') return 'gone';
  return container.marker === '' && first === undefined ? 'own' : 'foreign';
}

async function claim(engine: Engine, { bucket, container, mayGo }: Erasure): Promise<void> {
  await changeBucket(engine, bucket, (current) => {
    mayGo(current);
    return {
      ...current,
      containers: current.containers.map((c) =>
        isSameContainer(c, container) ? { ...c, marker: '', retiring: true } : c,
      ),
    };
  });
}

async function remove(context: OperationContext, backend: ObjectBackend, container: string): Promise<void> {
  for await (const entry of entriesOf(context, backend, container)) {
    if (entry.key !== MARKER_KEY) continue;
    // Whoever was to write the marker may have died over it.
    if (entry.kind === 'upload') await backend.abortUpload?.(callOf(context), container, entry);
    else await backend.delete(callOf(context), { container, key: entry.key, token: entry.token });
  }
  await backend.deleteContainer(callOf(context), container);
}

async function firstEntry(
  context: OperationContext,
  backend: ObjectBackend,
  container: string,
): Promise<ListedEntry | 'gone' | undefined> {
  try {
    for await (const entry of entriesOf(context, backend, container)) return entry;
    return undefined;
  } catch (error) {
    if (isBackendError(error, 'not-found')) return 'gone';
    throw error;
  }
}

/** Everything in a container, page by page: versions, delete markers and unfinished uploads included. */
export async function* entriesOf(
  context: OperationContext,
  backend: ObjectBackend,
  container: string,
  limit = 10,
): AsyncGenerator<ListedEntry> {
  let cursor: string | undefined;
  do {
    const page = await backend.list(callOf(context), {
      container,
      include: 'everything',
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    });
    yield* page.entries;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

export function isSameContainer(
  a: Pick<BucketContainer, 'backend' | 'container'>,
  b: Pick<BucketContainer, 'backend' | 'container'>,
): boolean {
  return a.backend === b.backend && a.container === b.container;
}
