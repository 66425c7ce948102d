import {
  isBackendError,
  type BackendErrorKind,
  type Call,
  type ContainerInfo,
  type ObjectBackend,
} from '#libs/backends';
import type { BucketContainer, BucketDocument, BucketId } from '#libs/metadata';
import { isSameContainer } from '../buckets/erase-container.js';
import { markerAt, MARKER_KEY, readMarker, writeMarker, type FoundMarker } from '../buckets/marker.js';
import { changeBucket } from '../buckets/open-bucket.js';
import { callOf, type Engine, type OperationContext } from '../engine.js';
import { fromBackend, ObjectsError } from '../errors.js';

/** What to do about a container that keeps one version of each object, where the vendor could keep several. */
export const VERSIONING_WORDS = ['enable', 'leave'] as const;
export type VersioningWord = (typeof VERSIONING_WORDS)[number];

/** A container that is to be taken over. */
export interface AdoptedPlace {
  readonly backendId: string;
  readonly container: string;
  /** Needed only where the vendor's versioning is off. */
  readonly versioning?: VersioningWord;
}

/**
 * Refuses, before anything is changed, what cannot be taken over. Fails with `unknown-container`, `container-managed` (somebody's marker is there; says whose), `versioning-undecided` (says what to send) or
 * `adoption-unsupported`.
 */
export async function assertAdoptable(
  engine: Engine,
  context: OperationContext,
  place: AdoptedPlace,
): Promise<{ readonly info: ContainerInfo; readonly stale: FoundMarker | undefined }> {
  const backend = await engine.backends.open(place.backendId);
  try {
    const info = await inspect(callOf(context), backend, place.container);
    if (info.tokens === 'id') throw ofOwnFormat(backend, place.container);
    const stale = await assertUnmanaged(engine, callOf(context), backend, place.container);
    assertVersioningDecided(backend, info, place);
    return { info, stale };
  } catch (error) {
    throw fromBackend(error, backend.name);
  }
}

function ofOwnFormat(backend: ObjectBackend, container: string): ObjectsError {
  return new ObjectsError(
    'adoption-unsupported',
    `directory "${container}" of backend ${backend.name} is empty, or holds objects under ids of Spumoni's own making: there are no files of others in it to take over`,
    { facts: { backend: backend.name, container } },
  );
}

/** Why a container that is named cannot be looked at. */
const UNUSABLE: Readonly<Partial<Record<BackendErrorKind, (error: Error) => string>>> = {
  denied: () => 'its credentials may not use it',
  'not-found': () => 'there is none of that name',
  invalid: ({ message }) => message,
};

async function inspect(call: Call, backend: ObjectBackend, container: string): Promise<ContainerInfo> {
  try {
    return await backend.inspectContainer(call, container);
  } catch (error) {
    const why = isBackendError(error) ? UNUSABLE[error.kind]?.(error) : undefined;
    if (why === undefined) throw error;
    throw new ObjectsError('unknown-container', `container "${container}" of backend ${backend.name}: ${why}`, {
      facts: { backend: backend.name, container },
      cause: error,
    });
  }
}

/** Answers a marker of this deployment's whose bucket is no more: what a half-undone adoption, or an index that was lost, left behind. */
async function assertUnmanaged(
  engine: Engine,
  call: Call,
  backend: ObjectBackend,
  container: string,
): Promise<FoundMarker | undefined> {
  const found = await readMarker(call, backend, { container });
  if (!found) return undefined;
  const isOurs = found.deployment === engine.settings.deploymentId;
  const id = found.bucket as BucketId | undefined;
  const bucket = isOurs && id !== undefined ? await knownBucket(engine, id) : undefined;
  if (isOurs && bucket === undefined) return found;
  throw new ObjectsError('container-managed', managedBy(backend.name, container, { bucket, found }), {
    facts: {
      backend: backend.name,
      container,
      ...(bucket === undefined ? {} : { bucket }),
      ...(found.deployment === undefined ? {} : { deployment: found.deployment }),
    },
  });
}

async function knownBucket(engine: Engine, id: BucketId): Promise<string | undefined> {
  const document = await engine.index.getBucket(id);
  return document?.value.name ?? (await engine.buckets.findById(id))?.name;
}

function managedBy(
  backend: string,
  container: string,
  who: { bucket: string | undefined; found: FoundMarker },
): string {
  const place = `container "${container}" of backend ${backend}`;
  if (who.bucket !== undefined) return `${place} is bucket ${who.bucket}'s already`;
  const owner = who.found.deployment === undefined ? 'nobody can tell whose' : `of deployment ${who.found.deployment}`;
  return `${place} bears a marker (${MARKER_KEY}), ${owner}; if that deployment is no more, delete the marker with the vendor's own tools and send this again`;
}

function assertVersioningDecided(backend: ObjectBackend, info: ContainerInfo, place: AdoptedPlace): void {
  if (info.tokens !== 'none' || backend.capabilities.tokens === 'none') return;
  const isChoice = backend.enableVersioning !== undefined;
  if (place.versioning === 'enable' && !isChoice)
    throw new ObjectsError(
      'adoption-unsupported',
      `versioning of "${place.container}" cannot be turned on from here; turn it on with the vendor's own tools if they can, or send adopt.versioning "leave"`,
    );
  if (place.versioning !== undefined || !isChoice) return;
  throw new ObjectsError(
    'versioning-undecided',
    `versioning of container "${place.container}" on ${backend.name} is off, so nothing there names a single write. Send adopt.versioning "enable" to turn it on (the vendor then keeps, and bills, superseded versions ` +
      'until Spumoni deletes those that it wrote or replaced), or "leave" to go on without: each change then takes an exclusive lease, and writers beside Spumoni are not told apart',
    { facts: { backend: backend.name, container: place.container, expected: VERSIONING_WORDS } },
  );
}

/**
 * Makes a container that is there a bucket's own: first it is recorded in the bucket's document, so that a crash leaves nothing unnamed; then its marker is put, only where none is; then versioning is turned on, if asked. The document
 * then says that its objects are still to be indexed. Fails as `assertAdoptable` does, also if another adoption was quicker.
 */
export async function takeContainer(
  engine: Engine,
  context: OperationContext,
  bucket: BucketDocument,
  place: AdoptedPlace,
): Promise<BucketDocument> {
  const { info, stale } = await assertAdoptable(engine, context, place);
  const backend = await engine.backends.open(place.backendId);
  const planned: BucketContainer = { backend: place.backendId, container: place.container, marker: '', adopted: true };
  await changeBucket(engine, bucket.id, (current) => ({
    ...current,
    containers: [...current.containers.filter((c) => !isSameContainer(c, planned)), planned],
  }));
  try {
    await backend.prepareTakeover?.(callOf(context), place.container);
    const marker = await placeMarker(engine, callOf(context), backend, {
      backendId: place.backendId,
      container: place.container,
      bucket: bucket.id,
      stale,
    });
    await engine.reach('container-marked', bucket.name);
    const isWeak = (await tokensAfter(callOf(context), backend, info, place)) === 'none';
    const taken: BucketContainer = { ...planned, marker, adopting: true, ...(isWeak ? { weak: true as const } : {}) };
    return await changeBucket(engine, bucket.id, (current) => ({
      ...current,
      containers: current.containers.map((c) => (isSameContainer(c, taken) ? taken : c)),
    }));
  } catch (error) {
    throw fromBackend(error, backend.name);
  }
}

async function tokensAfter(
  call: Call,
  backend: ObjectBackend,
  info: ContainerInfo,
  place: AdoptedPlace,
): Promise<ContainerInfo['tokens']> {
  const isOff = info.tokens === 'none' && backend.capabilities.tokens !== 'none';
  if (!isOff || place.versioning !== 'enable' || !backend.enableVersioning) return info.tokens;
  return (await backend.enableVersioning(call, place.container)).tokens;
}

/** Of two adoptions at once one finds the other's marker: at the vendor's own condition where it has one, else by reading back. */
async function placeMarker(
  engine: Engine,
  call: Call,
  backend: ObjectBackend,
  place: { backendId: string; container: string; bucket: BucketId; stale: FoundMarker | undefined },
): Promise<string> {
  const { backendId, container, bucket, stale } = place;
  const { writeIfAbsent, writeIfToken } = backend.capabilities;
  const condition = stale ? writeIfToken && { ifToken: stale.token } : writeIfAbsent && { ifAbsent: true as const };
  try {
    const at = { backendId, container, bucket };
    const token = await writeMarker(engine, call, backend, { ...at, ...(condition ? { condition } : {}) });
    if ((await markerAt(engine, call, backend, { container, bucket })) === 'own') return token;
  } catch (error) {
    if (!isBackendError(error, 'precondition')) throw error;
  }
  await assertUnmanaged(engine, call, backend, container);
  throw new ObjectsError('busy', `container "${container}" is being taken over by somebody else; look again`, {
    retryAfterSeconds: 1,
  });
}

/** Gives a container back to whoever runs it: its marker goes, all else stays. Idempotent; a container that is gone, or bears another's marker, is left alone. */
export async function detachContainer(
  engine: Engine,
  context: OperationContext,
  at: { readonly bucket: BucketId; readonly container: string; readonly backendId: string },
): Promise<void> {
  const backend = await engine.backends.open(at.backendId);
  const { container } = at;
  try {
    const found = await readMarker(callOf(context), backend, { container });
    if (found?.deployment !== engine.settings.deploymentId || found.bucket !== at.bucket) return;
    await backend.delete(callOf(context), { container, key: MARKER_KEY, token: found.token });
  } catch (error) {
    throw fromBackend(error, backend.name);
  }
}
