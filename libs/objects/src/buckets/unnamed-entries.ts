import { isBackendError, type ListedEntry, type ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketId } from '#libs/metadata';
import { readBackendKey } from '../adopting/listed-keys.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { SEGMENT_PREFIX } from '../uploads/segment-keys.js';
import { entriesOf, isSameContainer } from './erase-container.js';
import { MARKER_KEY } from './marker.js';

const PAGE = 1_000;

interface Place {
  readonly bucket: BucketId;
  readonly container: BucketContainer;
  readonly backend: ObjectBackend;
}

/**
 * The first thing in a container that neither is its marker nor lies where the index has garbage: dropping the garbage would not make the container empty. Costs a listing of the container, up to it, and a look at the index for each entry.
 * Keys that no key of Spumoni's can have are passed over: whoever looks once the garbage is gone finds them.
 */
export async function firstUnnamed(
  engine: Engine,
  context: OperationContext,
  place: Place,
): Promise<ListedEntry | undefined> {
  for await (const entry of entriesOf(context, place.backend, place.container.container, PAGE)) {
    context.signal?.throwIfAborted();
    if (entry.key === MARKER_KEY || (await isGarbage(engine, place, entry))) continue;
    // A sweeper may have deleted it since it was listed.
    if (await stands(context, place, entry)) return entry;
  }
  return undefined;
}

async function isGarbage(engine: Engine, { bucket, container }: Place, entry: ListedEntry): Promise<boolean> {
  const read = entry.key.startsWith(SEGMENT_PREFIX) ? { key: entry.key } : readBackendKey(entry.key);
  if ('unindexable' in read) return true;
  const garbage = (await engine.index.getKey({ bucket, key: read.key }))?.value.garbage ?? [];
  return garbage.some(({ placement }) => isSameContainer(placement, container) && placement.key === entry.key);
}

async function stands(context: OperationContext, { backend, container }: Place, entry: ListedEntry): Promise<boolean> {
  if (entry.kind !== 'object' && entry.kind !== 'noncurrent') return true;
  const { key, token } = entry;
  try {
    await backend.head(callOf(context), { container: container.container, key, token });
    return true;
  } catch (error) {
    if (isBackendError(error, 'not-found')) return false;
    throw error;
  }
}
