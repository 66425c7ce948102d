import { classFor, findTierPolicy, resolveTierOrClass } from '#libs/tiering';
import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import type { ObjectBackend } from '#libs/backends';
import type { Engine } from '../engine.js';
import { ObjectsError } from '../errors.js';

/** What a write asks of its vendor, and the tier that asked. No class: the container's default. */
export interface ChosenClass {
  readonly tier?: string;
  readonly storageClass?: string;
  /** It was asked for this object itself. */
  readonly own?: true;
}

/**
 * The class of a write: the tier or class the request names, else the bucket's policy, else the container's default.
 * Fails with `invalid-storage-class`, listing what is legal.
 */
export async function chooseClass(
  engine: Engine,
  bucket: BucketDocument,
  backend: ObjectBackend,
  wanted?: string,
): Promise<ChosenClass> {
  if (wanted === undefined && bucket.policy === undefined) return {};
  const policies = await engine.policies();
  if (wanted !== undefined) {
    const resolved = resolveTierOrClass(wanted, policies, backend.vendor);
    if ('violation' in resolved) throw new ObjectsError('invalid-storage-class', resolved.violation.message);
    return { ...resolved, own: true };
  }
  const policy = bucket.policy === undefined ? undefined : findTierPolicy(policies, bucket.policy);
  return policy ? { tier: policy.name, storageClass: classFor(policy, backend.vendor) } : {};
}

/** The class that an object of this tier (or, without one, of this bucket) has on another backend. A tier that is not the bucket's is the object's own from then on. */
export async function classElsewhere(
  engine: Engine,
  bucket: BucketDocument,
  backend: ObjectBackend,
  { tier, ownTier }: Pick<ObjectRecord, 'tier' | 'ownTier'>,
): Promise<ChosenClass> {
  const policy = tier === undefined ? undefined : findTierPolicy(await engine.policies(), tier);
  if (!policy) return chooseClass(engine, bucket, backend);
  const chosen = { tier: policy.name, storageClass: classFor(policy, backend.vendor) };
  return ownTier ? { ...chosen, own: true } : chosen;
}
