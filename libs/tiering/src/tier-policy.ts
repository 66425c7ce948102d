import type { Vendor } from '#libs/naming';
import { defaultStorageClass, findStorageClass, legalClasses } from './storage-classes.js';

/** A value a policy or a backend may state about itself: region, latency, iops, accessMode, … (A2.28: any name). */
export type TierAttribute = string | number | boolean;

/**
 * A named promise: which storage class an object of this tier has at each vendor, and which backends may hold it.
 * `backends` is in order of preference; empty means any backend. A vendor that `classes` leaves out gets its default class.
 */
export interface TierPolicy {
  readonly name: string;
  readonly description: string;
  readonly classes: Readonly<Partial<Record<Vendor, string>>>;
  readonly attributes: Readonly<Record<string, TierAttribute>>;
  readonly backends: readonly string[];
}

/** One thing wrong with an input: which field or path, and what was expected there. */
export interface Violation {
  readonly field: string;
  readonly message: string;
}

/** The storage class, by its canonical name, that the policy asks for at this vendor. */
export function classFor(policy: TierPolicy, vendor: Vendor): string {
  const mapped = policy.classes[vendor];
  if (mapped === undefined) return defaultStorageClass(vendor).name;
  return findStorageClass(vendor, mapped)?.name ?? mapped;
}

/** The policy of that name, whatever the case; undefined if there is none. */
export function findTierPolicy(policies: readonly TierPolicy[], name: string): TierPolicy | undefined {
  const wanted = name.toLowerCase();
  return policies.find((policy) => policy.name.toLowerCase() === wanted);
}

/**
 * The name of the policy whose class at this vendor is this one. Where several are (a vendor with one class), `preferred`
 * wins if it is among them, else the first; undefined if none is.
 */
export function tierOf(
  policies: readonly TierPolicy[],
  vendor: Vendor,
  storageClass: string,
  preferred?: string,
): string | undefined {
  const wanted = findStorageClass(vendor, storageClass)?.name ?? storageClass;
  const matching = policies.filter((policy) => classFor(policy, vendor) === wanted);
  const favourite = preferred === undefined ? undefined : findTierPolicy(matching, preferred);
  return (favourite ?? matching[0])?.name;
}

/** What a client's word for tier or class came to at one vendor; `tier` is set only when a tier was named. */
export type ResolvedClass =
  { readonly tier?: string; readonly storageClass: string } | { readonly violation: Violation };

/**
 * Reads a value that may be a tier's name or a vendor's class (the storage-class header of a request), whatever the case.
 * A tier wins over a class of the same name. Otherwise a violation that lists what is legal.
 */
export function resolveTierOrClass(value: string, policies: readonly TierPolicy[], vendor: Vendor): ResolvedClass {
  const policy = findTierPolicy(policies, value);
  if (policy) return { tier: policy.name, storageClass: classFor(policy, vendor) };
  const found = findStorageClass(vendor, value);
  if (found) return { storageClass: found.name };
  const tiers = policies.map((one) => one.name).join(', ') || 'none';
  const message = `"${value}" is neither a tier (${tiers}) nor a storage class of ${vendor} (${legalClasses(vendor)})`;
  return { violation: { field: 'storageClass', message } };
}
