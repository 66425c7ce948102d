import type { ObjectBackend } from '#libs/backends';
import type { BucketContainer, BucketDocument } from '#libs/metadata';
import { callOf, type Engine } from '../engine.js';
import { bucketNotActive } from '../mutation/change-key.js';
import { assertOwnContainer } from './marker.js';

/** When each container was last seen to bear its marker, by the monotonic clock. An endpoint that is configured anew is a new backend here, and asked anew. */
const SEEN = new WeakMap<ObjectBackend, Map<string, number>>();

/**
 * Sees to it that a write goes into a container of ours: one that somebody else has under the same name, behind an endpoint that leads elsewhere now, would take it and the bytes would be lost to us.
 * A marker that was seen within `markerAgeMs` is believed in: undefined then, as there is nothing to wait for. Fails with `backend-unavailable` where it is not there, or with `bucket-not-active` where the bucket writes there no more.
 */
export function assertMarked(
  engine: Engine,
  backend: ObjectBackend,
  place: { readonly bucket: BucketDocument; readonly container: BucketContainer },
): Promise<void> | undefined {
  if (engine.settings.markerAgeMs === Infinity) return undefined;
  const { container } = place.container;
  const seen = SEEN.get(backend)?.get(container);
  if (seen !== undefined && engine.clock.monotonic() - seen < engine.settings.markerAgeMs) return undefined;
  return look(engine, backend, place);
}

async function look(
  engine: Engine,
  backend: ObjectBackend,
  { bucket, container }: { readonly bucket: BucketDocument; readonly container: BucketContainer },
): Promise<void> {
  const asked = engine.clock.monotonic();
  const place = { container: container.container, backendId: container.backend, bucket };
  try {
    await assertOwnContainer(engine, callOf({ requestId: `marker-${bucket.id}` }), backend, place);
  } catch (error) {
    // It may have gone with its bucket, or after a migration, since the caller looked.
    throw (await stillWrites(engine, bucket, container)) ? error : bucketNotActive();
  }
  const times = SEEN.get(backend) ?? new Map<string, number>();
  times.set(container.container, asked);
  SEEN.set(backend, times);
}

/** Whether the bucket, as it is now, writes into that container. */
async function stillWrites(engine: Engine, bucket: BucketDocument, container: BucketContainer): Promise<boolean> {
  const now = (await engine.index.getBucket(bucket.id))?.value;
  return now?.state === 'active' && now.containers.some((one) => isLive(one) && isSame(one, container));
}

/** True for a container that takes writes: it has been made and marked, and is not about to go. */
export function isLive(container: BucketContainer): boolean {
  return !container.retiring && container.marker !== '';
}

function isSame(one: BucketContainer, other: BucketContainer): boolean {
  return one.backend === other.backend && one.container === other.container;
}
