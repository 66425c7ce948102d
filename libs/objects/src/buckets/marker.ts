import { isBackendError, type Call, type ObjectBackend, type WriteCondition } from '#libs/backends';
import type { BucketContainer, BucketDocument, BucketId } from '#libs/metadata';
import type { Engine } from '../engine.js';
import { fromBackend, ObjectsError } from '../errors.js';

/** Lies in every container of Spumoni's and says whose it is (DESIGN section 5, Containers). Keys beginning `.spumoni/` are refused to users. */
export const MARKER_KEY = '.spumoni/container.json';

interface Marker {
  readonly format: 1;
  readonly deployment: string;
  readonly bucket: string;
  /** Where it was put, so that a copy of the container, which has a copy of the marker, is told from it. Absent in markers of earlier versions. */
  readonly backend?: string;
  readonly container?: string;
}

/** Puts the marker and answers its token. With a condition that does not hold it fails with the port's `precondition`. */
export async function writeMarker(
  engine: Engine,
  call: Call,
  backend: ObjectBackend,
  place: { backendId: string; container: string; bucket: BucketId; condition?: WriteCondition },
): Promise<string> {
  const { bucket, backendId, container } = place;
  const marker: Marker = { format: 1, deployment: engine.settings.deploymentId, bucket, backend: backendId, container };
  const body = Buffer.from(JSON.stringify(marker));
  const result = await backend.put(call, {
    container: place.container,
    key: MARKER_KEY,
    body,
    size: body.byteLength,
    attributes: { headers: { contentType: 'application/json' }, metadata: {}, tags: {} },
    ...(place.condition ? { condition: place.condition } : {}),
  });
  return result.token;
}

/** A marker as it lies in a container. Absent fields: it cannot be read as one, so nobody knows whose it is. */
export interface FoundMarker {
  readonly token: string;
  readonly deployment?: string;
  readonly bucket?: string;
  readonly place?: { readonly backend: string; readonly container: string };
}

/** The marker of a container, whoever put it; undefined where there is none, also where there is no such container. Fails with the port's `precondition` where another token stands. */
export async function readMarker(
  call: Call,
  backend: ObjectBackend,
  place: { container: string; token?: string },
): Promise<FoundMarker | undefined> {
  try {
    const { head, body } = await backend.get(call, {
      container: place.container,
      key: MARKER_KEY,
      ...(place.token === undefined ? {} : { token: place.token }),
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return { token: head.token, ...parsed(Buffer.concat(chunks).toString('utf8')) };
  } catch (error) {
    if (isBackendError(error, 'not-found')) return undefined;
    throw error;
  }
}

function parsed(text: string): Omit<FoundMarker, 'token'> {
  try {
    const marker = JSON.parse(text) as Partial<Marker> | null;
    if (typeof marker?.deployment !== 'string' || typeof marker.bucket !== 'string') return {};
    const { deployment, bucket, backend, container } = marker;
    const isPlaced = typeof backend === 'string' && typeof container === 'string';
    return { deployment, bucket, ...(isPlaced ? { place: { backend, container } } : {}) };
  } catch {
    // Whatever stands there, it is no marker that can be read.
    return {};
  }
}

/** Whose marker lies in a container: this very bucket's, another's (or none that can be read as one), or none at all, also where there is no such container. An outage throws: it says nothing. */
export async function markerAt(
  engine: Engine,
  call: Call,
  backend: ObjectBackend,
  place: { container: string; bucket: BucketId; token?: string },
): Promise<'own' | 'foreign' | 'none'> {
  try {
    const marker = await readMarker(call, backend, place);
    if (marker === undefined) return 'none';
    return marker.deployment === engine.settings.deploymentId && marker.bucket === place.bucket ? 'own' : 'foreign';
  } catch (error) {
    if (isBackendError(error, 'precondition')) return 'foreign';
    throw fromBackend(error, backend.name);
  }
}

/** True if the container holds this very bucket's marker: the one that was put, where its token is recorded. An outage throws: it says nothing about whose the container is. */
export async function holdsMarker(
  engine: Engine,
  call: Call,
  backend: ObjectBackend,
  place: { container: BucketContainer; bucket: BucketId },
): Promise<boolean> {
  const { container, marker: token } = place.container;
  const at = { container, bucket: place.bucket, ...(token === '' ? {} : { token }) };
  return (await markerAt(engine, call, backend, at)) === 'own';
}

/** Fails with `backend-unavailable` unless the container is this bucket's: a re-pointed endpoint must not erase what the index knows. */
export async function assertOwnContainer(
  engine: Engine,
  call: Call,
  backend: ObjectBackend,
  place: { container: string; backendId: string; bucket: BucketDocument },
): Promise<void> {
  const container = place.bucket.containers.find(
    (c) => c.backend === place.backendId && c.container === place.container,
  );
  if (container && (await holdsMarker(engine, call, backend, { container, bucket: place.bucket.id }))) return;
  throw new ObjectsError(
    'backend-unavailable',
    `backend ${backend.name} answers, but its container ${place.container} does not bear this bucket's marker: is the endpoint the right one?`,
    {
      retryAfterSeconds: 30,
    },
  );
}
