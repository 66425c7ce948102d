import type { Page, PageRequest } from '#libs/metadata';
import type { Vendor } from '#libs/naming';
import type { StorageClass, TierAttribute, TierPolicyInput } from '#libs/tiering';

/** A tier policy as it is shown: JSON-ready. Times are ISO 8601. */
export interface TierView {
  readonly name: string;
  readonly description: string;
  /** The vendor's own class for every vendor, those that the policy leaves to the vendor's default included. */
  readonly classes: Readonly<Record<Vendor, string>>;
  /** What each of those classes is: minimum days and bytes, retrieval, a note. */
  readonly details: Readonly<Record<Vendor, StorageClass>>;
  readonly attributes: Readonly<Record<string, TierAttribute>>;
  /** Names of the backends that may be chosen for a bucket of this tier, the preferred first; empty: any. */
  readonly backends: readonly string[];
  readonly updatedAt: string;
  readonly revision: number;
}

/**
 * The tier policies, found whatever the case of the name. Changing them is for administrators: the caller sees to that.
 * Fails with `DeploymentError`: `invalid-tier` (each wrong field, unknown backends included), `no-such-tier`, `tier-in-use` (naming buckets), `changed-meanwhile`.
 */
export interface TierService {
  list(page: PageRequest): Promise<Page<TierView>>;
  get(name: string): Promise<TierView>;
  /** Makes or replaces the policy of that name. */
  put(
    name: string,
    input: Omit<TierPolicyInput, 'name'>,
    expectedRevision?: number,
  ): Promise<{ readonly tier: TierView; readonly created: boolean }>;
  /** Refused while a bucket uses it. */
  remove(name: string): Promise<void>;
}
