import { isBackendError, type Call, type ObjectBackend } from '#libs/backends';
import { slugFor, validateBucketName } from '#libs/naming';
import type { BucketContainer, BucketDocument } from '#libs/metadata';
import { callOf, type Engine, type KnownBackend, type OperationContext } from '../engine.js';
import { fromBackend, ObjectsError } from '../errors.js';
import { writeMarker } from './marker.js';
import { changeBucket } from './open-bucket.js';

/**
 * Makes a bucket's container on a backend: first its name is recorded in the bucket's document, so that a crash leaves nothing unnamed; then the container, then its marker.
 * Fails with `container-exists` if the vendor has one of that name, whoever owns it.
 */
export async function makeContainer(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  place: { backendId: string; name: string; region?: string },
): Promise<BucketDocument> {
  const backend = await engine.backends.open(place.backendId);
  const call = callOf(context);
  await refuseExisting(call, backend, place.name);
  const planned: BucketContainer = { backend: place.backendId, container: place.name, marker: '' };
  await changeBucket(engine, bucket.id, (current) => ({
    ...current,
    containers: [...current.containers.filter((c) => c.backend !== place.backendId || c.marker !== ''), planned],
  }));
  const info = await create(engine, call, backend, place);
  await engine.reach('container-created', bucket.name);
  const marker = await writeMarker(engine, call, backend, { container: place.name, bucket: bucket.id }).catch(
    (error: unknown) => {
      throw fromBackend(error, backend.name);
    },
  );
  await engine.reach('container-marked', bucket.name);
  const made: BucketContainer = { ...planned, marker, ...(info.tokens === 'none' ? { weak: true as const } : {}) };
  return changeBucket(engine, bucket.id, (current) => ({
    ...current,
    containers: current.containers.map((c) => (isPlanned(c, planned) ? made : c)),
  }));
}

function isPlanned(a: BucketContainer, b: BucketContainer): boolean {
  return a.backend === b.backend && a.container === b.container;
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
  engine: Engine,
  call: Call,
  backend: ObjectBackend,
  place: { backendId: string; name: string; region?: string },
): ReturnType<ObjectBackend['createContainer']> {
  try {
    return await backend.createContainer(call, {
      container: place.name,
      ...(place.region === undefined ? {} : { region: place.region }),
    });
  } catch (error) {
    if (isBackendError(error, 'conflict')) throw containerExists(backend, place.name, 'another account');
    if (isBackendError(error, 'invalid'))
      throw new ObjectsError('invalid-bucket-name', `${backend.vendor} refuses "${place.name}": ${error.message}`, {
        cause: error,
      });
    throw fromBackend(error, backend.name);
  }
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
  const existing = bucket.containers.find((c) => c.backend === to.id && !c.retiring && c.marker !== '');
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
