import { encodeKey } from '#libs/naming';
import { writesCoexist, type ObjectBackend, type TokenKind } from '#libs/backends';
import type { BucketDocument, KeyAddress, Placement } from '#libs/metadata';
import { ObjectsError } from './errors.js';
import type { Engine } from './engine.js';

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

/** The target of a key on one backend of its bucket. Fails with `invalid-key` where the vendor cannot hold the key even escaped. */
export async function targetOf(
  engine: Engine,
  bucket: BucketDocument,
  key: string,
  backendId: string,
): Promise<Target> {
  const container = bucket.containers.find((c) => c.backend === backendId && !c.retiring);
  if (!container)
    throw new ObjectsError('conflict', `bucket ${bucket.name} has no container on that backend`, {
      facts: { backendId },
    });
  const backend = await engine.backends.open(backendId);
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
