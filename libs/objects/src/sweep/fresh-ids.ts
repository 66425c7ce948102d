import { isBackendError, type ObjectBackend, type ObjectRef } from '#libs/backends';
import type { BucketContainer, BucketDocument, Placement, WriteId } from '#libs/metadata';
import { decodeKey } from '#libs/naming';
import { MARKER_KEY } from '../buckets/marker.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { changeKey } from '../mutation/change-key.js';
import { nameUnlessNamed } from '../mutation/decide-later.js';
import { withoutGarbage } from '../mutation/key-changes.js';

export interface ContainerOfBucket {
  readonly bucket: BucketDocument;
  readonly container: BucketContainer;
  readonly backend: ObjectBackend;
}

/**
 * On a backend whose writes need no intent: finds the writes that a dead process left uncommitted and deletes those that no record and no garbage names. Answers how many were deleted.
 * A commit that the process had sent may still be on its way to an index that lies elsewhere. So the bytes are named as garbage first: the document changes, and the late commit, which expects it as it was, fails.
 */
export async function examineFreshIds(
  engine: Engine,
  context: OperationContext,
  at: ContainerOfBucket,
): Promise<number> {
  try {
    return await examine(engine, context, at);
  } catch (error) {
    // Erased after a migration by a process that died before the document said so.
    if (at.container.retiring && isBackendError(error, 'not-found')) return 0;
    throw error;
  }
}

async function examine(engine: Engine, context: OperationContext, at: ContainerOfBucket): Promise<number> {
  const { freshIds } = at.backend;
  // What was written after the backup that a bucket was restored from is named nowhere until it has been found again.
  if (!freshIds || at.bucket.recovering !== undefined) return 0;
  let deleted = 0;
  for await (const { ref, writeId } of freshIds.unsettled(callOf(context), at.container.container)) {
    context.signal?.throwIfAborted();
    if (ref.key === MARKER_KEY) continue;
    const address = { bucket: at.bucket.id, key: decodeKey(ref.key) };
    const placement = placementOf(at, ref, writeId);
    if (!(await nameUnlessNamed(engine, address, placement))) continue;
    if ((await at.backend.delete(callOf(context), ref)) === 'deleted') deleted += 1;
    await changeKey(engine, address, { requireActive: false }, (document) => ({
      next: withoutGarbage(document, placement),
      then: undefined,
    }));
  }
  await freshIds.examined(callOf(context), at.container.container);
  return deleted;
}

function placementOf({ container, backend }: ContainerOfBucket, ref: ObjectRef, writeId?: string): Placement {
  return {
    backend: container.backend,
    container: container.container,
    key: ref.key,
    storageClass: backend.capabilities.storageClasses[0] ?? '',
    token: ref.token,
    // As its writer stamped it; garbage is told by place and token alone.
    writeId: (writeId ?? '') as WriteId,
  };
}
