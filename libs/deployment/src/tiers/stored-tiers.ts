import {
  isControlPlaneError,
  type ControlPlane,
  type Page,
  type PageRequest,
  type TierPolicyRecord,
} from '#libs/metadata';
import { VENDORS, type Vendor } from '#libs/naming';
import { classFor, findStorageClass, validateTierPolicy, type StorageClass, type TierPolicyInput } from '#libs/tiering';
import { DeploymentError, invalid } from '../errors.js';
import { isoTime, shownPage } from '../paging.js';
import type { TierService, TierView } from './tier-service.js';

const NAMED = 5;

/** The tier policies of the control plane: see the port. */
export class StoredTiers implements TierService {
  constructor(private readonly controlPlane: ControlPlane) {}

  async list(page: PageRequest): Promise<Page<TierView>> {
    return shownPage(await this.controlPlane.tiers.list(page), showTier);
  }

  async get(name: string): Promise<TierView> {
    const found = await this.controlPlane.tiers.find(name);
    if (found === undefined) throw noSuch(name);
    return showTier(found);
  }

  async put(
    name: string,
    input: Omit<TierPolicyInput, 'name'>,
    expectedRevision?: number,
  ): Promise<{ readonly tier: TierView; readonly created: boolean }> {
    const verdict = validateTierPolicy({ ...input, name });
    if ('violations' in verdict) {
      const violations = verdict.violations.map(({ field, message }) => ({ path: field, message }));
      throw invalid('invalid-tier', `tier policy ${JSON.stringify(name)}`, violations);
    }
    await this.#assertBackends(verdict.policy.backends);
    try {
      const { policy, created } = await this.controlPlane.tiers.put(verdict.policy, expectedRevision);
      return { tier: showTier(policy), created };
    } catch (error) {
      if (!isControlPlaneError(error, 'conflict')) throw error;
      throw new DeploymentError(
        'changed-meanwhile',
        `tier policy ${name} was changed meanwhile; read it again and repeat`,
      );
    } finally {
      this.controlPlane.configuration.invalidate();
    }
  }

  async remove(name: string): Promise<void> {
    const found = await this.controlPlane.tiers.find(name);
    if (found === undefined) throw noSuch(name);
    const { items } = await this.controlPlane.buckets.list({ limit: NAMED, policy: found.name });
    if (items.length > 0)
      throw inUse(
        found.name,
        items.map((bucket) => bucket.name),
      );
    await this.controlPlane.tiers.delete(found.name).catch((error: unknown) => {
      if (isControlPlaneError(error, 'not-found')) throw noSuch(name);
      throw isControlPlaneError(error, 'in-use') ? inUse(found.name, []) : error;
    });
    this.controlPlane.configuration.invalidate();
  }

  async #assertBackends(names: readonly string[]): Promise<void> {
    const { backendByName } = await this.controlPlane.configuration.current();
    const registered = [...backendByName.keys()].join(', ') || 'none';
    const violations = names.flatMap((name, at) =>
      backendByName.has(name)
        ? []
        : [{ path: `backends[${at}]`, message: `there is no backend "${name}"; registered are: ${registered}` }],
    );
    if (violations.length > 0)
      throw invalid('invalid-tier', 'the tier policy names backends that there are not', violations);
  }
}

function noSuch(name: string): DeploymentError {
  return new DeploymentError('no-such-tier', `there is no tier policy "${name}"`);
}

function inUse(name: string, buckets: readonly string[]): DeploymentError {
  const who = buckets.length === 0 ? 'a bucket was just made with it' : `buckets have it: ${buckets.join(', ')}`;
  return new DeploymentError('tier-in-use', `tier policy ${name} is in use: ${who}`, { facts: { buckets } });
}

function byVendor<T>(of: (vendor: Vendor) => T): Record<Vendor, T> {
  return Object.fromEntries(VENDORS.map((vendor) => [vendor, of(vendor)])) as Record<Vendor, T>;
}

/** A class that the table has no more still has its name. */
function detailsOf(vendor: Vendor, name: string): StorageClass {
  const unknown = {
    name,
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'unknown here',
    transitionsTo: [],
  } as const;
  return findStorageClass(vendor, name) ?? unknown;
}

/** A policy as it is shown: every vendor with its own class, and what that class is. */
export function showTier(policy: TierPolicyRecord): TierView {
  const { name, description, attributes, backends, updatedAt, revision } = policy;
  return {
    name,
    description,
    classes: byVendor((vendor) => classFor(policy, vendor)),
    details: byVendor((vendor) => detailsOf(vendor, classFor(policy, vendor))),
    attributes,
    backends,
    updatedAt: isoTime(updatedAt),
    revision,
  };
}
