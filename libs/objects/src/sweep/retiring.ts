import type { BucketDocument } from '#libs/metadata';
import { eraseContainer } from '../buckets/delete-bucket.js';
import { MARKER_KEY, holdsMarker } from '../buckets/marker.js';
import { changeBucket } from '../buckets/open-bucket.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend } from '../errors.js';
import { isBackendError } from '#libs/backends';

/** Removes the containers that a migration left, once they hold nothing but their marker. Answers how many went. */
export async function removeRetired(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
): Promise<number> {
  let removed = 0;
  for (const container of bucket.containers.filter((c) => c.retiring && !c.adopted)) {
    const backend = await engine.backends.open(container.backend);
    const isBare = await holdsOnlyMarker(context, { backend, container: container.container });
    if (isBare === 'no') continue;
    if (isBare === 'yes' && !(await holdsMarker(engine, callOf(context), backend, { container, bucket: bucket.id })))
      continue;
    await eraseContainer(engine, context, container);
    await changeBucket(engine, bucket.id, (current) => ({
      ...current,
      containers: current.containers.filter(
        (c) => !(c.retiring && c.backend === container.backend && c.container === container.container),
      ),
    }));
    removed += 1;
  }
  return removed;
}

async function holdsOnlyMarker(
  context: OperationContext,
  at: { backend: Awaited<ReturnType<Engine['backends']['open']>>; container: string },
): Promise<'yes' | 'no' | 'gone'> {
  try {
    const page = await at.backend.list(callOf(context), { container: at.container, include: 'everything', limit: 10 });
    if (page.entries.length === 0 && page.cursor === undefined) return 'gone';
    return page.entries.every((entry) => entry.key === MARKER_KEY) && page.cursor === undefined ? 'yes' : 'no';
  } catch (error) {
    if (isBackendError(error, 'not-found')) return 'gone';
    throw fromBackend(error, at.backend.name);
  }
}
