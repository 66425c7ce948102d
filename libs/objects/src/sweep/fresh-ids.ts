import type { ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketDocument, KeyDocument } from '#libs/metadata';
import { decodeKey } from '#libs/naming';
import { MARKER_KEY } from '../buckets/marker.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';

export interface ContainerOfBucket {
  readonly bucket: BucketDocument;
  readonly container: BucketContainer;
  readonly backend: ObjectBackend;
}

/**
 * On a backend whose writes need no intent: finds the writes that a dead process left uncommitted and deletes those that no record and no garbage names.
 * A dead process cannot commit any more, so what the index does not name now it never will. Answers how many were deleted.
 */
export async function examineFreshIds(
  engine: Engine,
  context: OperationContext,
  at: ContainerOfBucket,
): Promise<number> {
  const { freshIds } = at.backend;
  if (!freshIds) return 0;
  let deleted = 0;
  for await (const { ref } of freshIds.unsettled(callOf(context), at.container.container)) {
    context.signal?.throwIfAborted();
    if (ref.key === MARKER_KEY) continue;
    const found = await engine.index.getKey({ bucket: at.bucket.id, key: decodeKey(ref.key) });
    if (found && isNamed(found.value, at.container.backend, ref.token)) continue;
    if ((await at.backend.delete(callOf(context), ref)) === 'deleted') deleted += 1;
  }
  await freshIds.examined(callOf(context), at.container.container);
  return deleted;
}

function isNamed(document: KeyDocument, backend: string, token: string): boolean {
  const placements = [document.current?.placement, ...document.garbage.map((item) => item.placement)];
  return placements.some((placement) => placement?.backend === backend && placement.token === token);
}
