import { isBackendError, type Call, type ObjectBackend } from '#libs/backends';
import { slugFor, validateBucketName } from '#libs/naming';
import type { BucketContainer, BucketDocument } from '#libs/metadata';
import { callOf, type Engine, type KnownBackend, type OperationContext } from '../engine.js';
import { fromBackend, isObjectsError, ObjectsError } from '../errors.js';
import { isLive } from './marked-containers.js';
import { isSameContainer } from './erase-container.js';
import { MARKER_KEY, writeMarker } from './marker.js';
import { changeBucket } from './open-bucket.js';

/**
 * Makes a bucket's container on a backend: first its name is recorded in the bucket's document, so that a crash leaves nothing unnamed; then the container, then its marker.
 * Fails with `container-exists` if the vendor has one of that name, whoever owns it, and with `bucket-not-active` if the bucket is being deleted.
 * Of two makings at once for one backend, the later to end gives way: its container retires at once.
 */
export async function makeContainer(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  place: ContainerPlace,
): Promise<BucketDocument> {
  const backend = await engine.backends.open(place.backendId);
  const call = callOf(context);
  await refuseExisting(call, backend, place.name);
  const planned: BucketContainer = { backend: place.backendId, container: place.name, marker: '' };
  await plan(engine, bucket, planned);
  const info = await create(call, backend, place).catch(async (error: unknown) => {
    if (!isIndefinite(error)) await unplan(engine, bucket, planned);
    throw meaningOf(error, backend, place.name);
  });
  await engine.reach('container-created', bucket.name);
  const marked = { backendId: place.backendId, container: place.name, bucket: bucket.id };
  const marker = await writeMarker(engine, call, backend, marked).catch((error: unknown) => {
    throw fromBackend(error, backend.name);
  });
  await engine.reach('container-marked', bucket.name);
  const recorded = await record(engine, context, bucket, {
    ...planned,
    marker,
    ...(info.tokens === 'none' ? { weak: true as const } : {}),
  });
  backend.freshIds?.settle({ container: place.name, key: MARKER_KEY, token: marker });
  return recorded;
}

export interface ContainerPlace {
  readonly backendId: string;
  readonly name: string;
  readonly region?: string;
}

async function plan(engine: Engine, bucket: BucketDocument, planned: BucketContainer): Promise<void> {
  await changeBucket(engine, bucket.id, (current) => {
    if (current.state === 'deleting')
      throw new ObjectsError('bucket-not-active', `bucket ${bucket.name} is being deleted`);
    const others = current.containers.filter((c) => !isSameContainer(c, planned));
    return { ...current, containers: [...others, planned] };
  });
}

/** After a definite refusal there is nothing of ours under the name. */
async function unplan(engine: Engine, bucket: BucketDocument, planned: BucketContainer): Promise<void> {
  await changeBucket(engine, bucket.id, (current) => ({
    ...current,
    containers: current.containers.filter((c) => !(isSameContainer(c, planned) && c.marker === '')),
  }));
}

/**
 * Says in the document that the container is there, and that whatever else was planned on that backend and never finished may go.
 * Another making may have been quicker, or a deletion may have found nothing to erase yet: then the container, which nothing names any more, goes at once.
 */
async function record(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  made: BucketContainer,
): Promise<BucketDocument> {
  const found = await changeBucket(engine, bucket.id, (current) => withMade(current, made)).catch((error: unknown) => {
    if (isObjectsError(error, 'no-such-bucket')) return undefined;
    throw error;
  });
  if (found?.containers.some((c) => isSameContainer(c, made) && c.marker === made.marker)) return found;
  await eraseUnnamed(engine, context, made);
  if (found?.containers.some((c) => c.backend === made.backend && isLive(c))) return found;
  throw new ObjectsError('bucket-not-active', `bucket ${bucket.name} was deleted meanwhile`);
}

function withMade(current: BucketDocument, made: BucketContainer): BucketDocument | undefined {
  const planned = current.containers.find((c) => isSameContainer(c, made));
  const hasTwin = current.containers.some((c) => c.backend === made.backend && isLive(c));
  if (!planned || (planned.retiring && !hasTwin)) return undefined;
  const settle = (c: BucketContainer): BucketContainer => {
    if (isSameContainer(c, made)) return hasTwin ? { ...made, retiring: true } : made;
    return c.backend === made.backend && c.marker === '' ? { ...c, retiring: true } : c;
  };
  return { ...current, containers: current.containers.map(settle) };
}

async function eraseUnnamed(engine: Engine, context: OperationContext, made: BucketContainer): Promise<void> {
  const backend = await engine.backends.open(made.backend);
  try {
    const { container, marker: token } = made;
    await backend.delete(callOf(context), { container, key: MARKER_KEY, token });
    await backend.deleteContainer(callOf(context), container);
  } catch (error) {
    if (!isBackendError(error, 'not-found')) throw fromBackend(error, backend.name);
  }
}

async function refuseExisting(call: Call, backend: ObjectBackend, name: string): Promise<void> {
  try {
    await backend.inspectContainer(call, name);
  } catch (error) {
    if (isBackendError(error, 'not-found')) return;
    if (isBackendError(error, 'denied')) throw containerExists(backend, name, 'somebody else');
    throw fromBackend(error, backend.name);
  }
  throw containerExists(backend, name, 'this account');
}

async function create(
  call: Call,
  backend: ObjectBackend,
  place: ContainerPlace,
): ReturnType<ObjectBackend['createContainer']> {
  return backend.createContainer(call, {
    container: place.name,
    ...(place.region === undefined ? {} : { region: place.region }),
  });
}

/** After these the vendor may have made the container all the same. */
function isIndefinite(error: unknown): boolean {
  return !isBackendError(error) || error.kind === 'unavailable' || error.kind === 'timeout' || error.kind === 'unknown';
}

function meaningOf(error: unknown, backend: ObjectBackend, name: string): unknown {
  if (isBackendError(error, 'conflict')) return containerExists(backend, name, 'another account');
  if (isBackendError(error, 'invalid'))
    return new ObjectsError('invalid-bucket-name', `${backend.vendor} refuses "${name}": ${error.message}`, {
      cause: error,
    });
  return fromBackend(error, backend.name);
}

function containerExists(backend: ObjectBackend, name: string, owner: string): ObjectsError {
  return new ObjectsError(
    'container-exists',
    `backend ${backend.name} already has a container "${name}", owned by ${owner}; choose another name`,
    { facts: { backend: backend.name, container: name } },
  );
}

/** The bucket with a container on that backend, made now if it has none: its own name where legal and free, else a slug with 8 hex digits (DESIGN section 5). */
export async function ensureContainer(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  to: KnownBackend,
): Promise<BucketDocument> {
  const existing = bucket.containers.find((c) => c.backend === to.id && isLive(c));
  if (existing) return bucket;
  const slug = slugFor(bucket.name, engine.randomHex(4));
  const names = validateBucketName(bucket.name, to.vendor).valid ? [bucket.name, slug] : [slug];
  for (const name of names) {
    try {
      return await makeContainer(engine, context, bucket, {
        backendId: to.id,
        name,
        ...(to.region === undefined ? {} : { region: to.region }),
      });
    } catch (error) {
      if (!(error instanceof ObjectsError) || error.code !== 'container-exists' || name === slug) throw error;
    }
  }
  throw new ObjectsError('container-exists', `no free container name for bucket ${bucket.name} on ${to.name}`);
}
