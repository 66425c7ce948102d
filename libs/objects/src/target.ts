import { encodeKey } from '#libs/naming';
import { writesCoexist, type ObjectBackend, type TokenKind } from '#libs/backends';
import type { BucketDocument, KeyAddress, Placement } from '#libs/metadata';
import { assertMarked, isLive } from './buckets/marked-containers.js';
import { fromBackend, ObjectsError } from './errors.js';
import type { Engine } from './engine.js';
import { assertRecovered } from './recovering/recovered.js';

/** Where a write of one key goes: the bucket's container on one backend, and the key as that vendor can hold it. */
export interface Target {
  readonly bucket: BucketDocument;
  readonly address: KeyAddress;
  readonly backendId: string;
  readonly backend: ObjectBackend;
  readonly container: string;
  readonly backendKey: string;
  /** `none` where the container is weak, whatever the backend could do. */
  readonly tokens: TokenKind;
  readonly coexist: boolean;
}

/** The token kind that holds for a placement: the container's, which may be weaker than the backend's. */
export function tokenKindAt(
  bucket: BucketDocument,
  placement: Pick<Placement, 'backend' | 'container'>,
  backend: ObjectBackend,
): TokenKind {
  const container = bucket.containers.find(
    (c) => c.backend === placement.backend && c.container === placement.container,
  );
  return container?.weak ? 'none' : backend.capabilities.tokens;
}

/** The very place where a record or an intent says that bytes are, also in a container that takes no more writes. */
export async function targetAt(
  engine: Engine,
  bucket: BucketDocument,
  key: string,
  placement: Pick<Placement, 'backend' | 'container' | 'key'>,
): Promise<Target> {
  const backend = await engine.backends.open(placement.backend);
  const tokens = tokenKindAt(bucket, placement, backend);
  return {
    bucket,
    address: { bucket: bucket.id, key },
    backendId: placement.backend,
    backend,
    container: placement.container,
    backendKey: placement.key,
    tokens,
    coexist: writesCoexist(tokens),
  };
}

/**
 * Fails with `backend-unavailable` where the backend would not be asked now. For writers, before they write down what they are about to do: a refusal that comes later looks like any call whose
 * outcome is unknown, and leaves an intent for the sweeper.
 */
export function assertAsked(backend: ObjectBackend): void {
  const refusal = backend.refusal?.();
  if (refusal) throw fromBackend(refusal, backend.name);
}

/** The target of a key on one backend of its bucket. Fails with `invalid-key` where the vendor cannot hold the key even escaped, and with `backend-unavailable` where the container is not the bucket's. */
export async function targetOf(
  engine: Engine,
  bucket: BucketDocument,
  key: string,
  backendId: string,
): Promise<Target> {
  assertRecovered(bucket);
  const container = bucket.containers.find((c) => c.backend === backendId && isLive(c));
  if (!container)
    throw new ObjectsError('conflict', `bucket ${bucket.name} has no container on that backend`, {
      facts: { backendId },
    });
  const backend = await engine.backends.open(backendId);
  assertAsked(backend);
  const encoded = encodeKey(key, backend.vendor);
  if (!encoded.ok) {
    throw new ObjectsError(
      'invalid-key',
      `${backend.vendor} cannot hold this key: ${encoded.violations.map((v) => v.message).join('; ')}`,
      {
        facts: { violations: encoded.violations },
      },
    );
  }
  await assertMarked(engine, backend, { bucket, container });
  const tokens = container.weak ? 'none' : backend.capabilities.tokens;
  return {
    bucket,
    address: { bucket: bucket.id, key },
    backendId,
    backend,
    container: container.container,
    backendKey: encoded.key,
    tokens,
    coexist: writesCoexist(tokens),
  };
}
