import { isBackendError, type ContainerInfo, type ObjectBackend } from '#libs/backends';
import type { BucketDocument, BucketId } from '#libs/metadata';
import { readMarker } from '../buckets/marker.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend } from '../errors.js';
import { inParallel } from '../moves/walk.js';

/**
 * Whose a container is. `bucket`: this deployment's, of that name. `orphaned`: it bears this deployment's marker, but the bucket is no more; it can be taken over. `deployment`: another deployment's. `unknown`: it bears something under the marker's key
 * that is none, or cannot be read with these credentials. `nobody`: it can be taken over.
 */
export type ContainerOwner =
  | { readonly kind: 'bucket'; readonly bucket: string }
  | { readonly kind: 'deployment'; readonly deployment: string }
  | { readonly kind: 'orphaned' | 'unknown' | 'nobody' };

/** A container as the vendor and its marker tell of it. */
export interface DiscoveredContainer extends ContainerInfo {
  readonly owner: ContainerOwner;
}

const PAGE = 500;
const PARALLEL = 8;

/**
 * The containers that a backend's credentials can see, by name, and whose each is. Asks the vendor for its list once, and for the marker of each container of the page that no bucket of this deployment names.
 * Fails as any call to a backend does.
 */
export async function discoverContainers(
  engine: Engine,
  context: OperationContext,
  ask: { readonly backendId: string; readonly after?: string; readonly limit: number },
): Promise<{ readonly items: readonly DiscoveredContainer[]; readonly next?: string }> {
  const backend = await engine.backends.open(ask.backendId);
  try {
    const all = [...(await backend.listContainers(callOf(context)))].sort((a, b) => (a.name < b.name ? -1 : 1));
    const rest = all.filter(({ name }) => ask.after === undefined || name > ask.after);
    const page = rest.slice(0, ask.limit);
    const buckets = await bucketsOn(engine, ask.backendId);
    const owners = new Map<string, ContainerOwner>();
    await inParallel(page, PARALLEL, async ({ name }) => {
      const bucket = buckets.get(name);
      owners.set(name, bucket ? { kind: 'bucket', bucket } : await ownerByMarker(engine, context, backend, name));
    });
    const items = page.map((info) => ({ ...info, owner: owners.get(info.name) ?? { kind: 'unknown' as const } }));
    const last = page.at(-1);
    return rest.length > page.length && last ? { items, next: last.name } : { items };
  } catch (error) {
    throw fromBackend(error, backend.name);
  }
}

async function ownerByMarker(
  engine: Engine,
  context: OperationContext,
  backend: ObjectBackend,
  container: string,
): Promise<ContainerOwner> {
  try {
    const found = await readMarker(callOf(context), backend, { container });
    if (!found) return { kind: 'nobody' };
    if (found.deployment === undefined) return { kind: 'unknown' };
    if (found.deployment !== engine.settings.deploymentId) return { kind: 'deployment', deployment: found.deployment };
    const bucket = await engine.index.getBucket(found.bucket as BucketId);
    return bucket ? { kind: 'bucket', bucket: bucket.value.name } : { kind: 'orphaned' };
  } catch (error) {
    // In another region, or closed to these credentials: one such must not hide the others.
    if (isBackendError(error, 'denied') || isBackendError(error, 'invalid')) return { kind: 'unknown' };
    throw error;
  }
}

/** Names of the buckets that have a container on a backend, by container. */
async function bucketsOn(engine: Engine, backendId: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const bucket of everyBucket(engine))
    for (const { backend, container } of bucket.containers)
      if (backend === backendId) found.set(container, bucket.name);
  return found;
}

/** The documents of all buckets, by name. */
export async function* everyBucket(engine: Engine): AsyncGenerator<BucketDocument> {
  let after: string | undefined;
  for (;;) {
    const page: readonly BucketDocument[] = await engine.index.listBuckets({
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    after = page.at(-1)?.name;
    if (after === undefined || page.length < PAGE) return;
  }
}
