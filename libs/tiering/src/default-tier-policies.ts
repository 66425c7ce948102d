import { VENDORS, type Vendor } from '#libs/naming';
import { defaultStorageClass } from './storage-classes.js';
import type { TierPolicy } from './tier-policy.js';

/** Every vendor at its default class, then the ones that have better to offer. */
function classes(better: Partial<Record<Vendor, string>>): Partial<Record<Vendor, string>> {
  return { ...Object.fromEntries(VENDORS.map((vendor) => [vendor, defaultStorageClass(vendor).name])), ...better };
}

/**
 * The three policies every deployment starts with; each maps every vendor. All three stay readable without a restore, so
 * that no object becomes unreadable by a tier alone. No default trades durability for price: MinIO's REDUCED_REDUNDANCY
 * is left for an operator to choose.
 */
export const DEFAULT_TIER_POLICIES: readonly TierPolicy[] = [
  {
    name: 'Gold',
    description: 'Read often: the standard class of every vendor',
    classes: classes({}),
    attributes: {},
    backends: [],
  },
  {
    name: 'Silver',
    description: 'Read about once a month: cheaper to keep, a fee to read, at once',
    classes: classes({
      aws: 'STANDARD_IA',
      azure: 'Cool',
      gcs: 'NEARLINE',
      'huawei-obs': 'STANDARD_IA',
      'alibaba-oss': 'STANDARD_IA',
      'cloudflare-r2': 'STANDARD_IA',
    }),
    attributes: {},
    backends: [],
  },
  {
    name: 'Bronze',
    description: 'Read about once a quarter: the cheapest class that is still read at once, without a restore',
    classes: classes({
      aws: 'GLACIER_IR',
      azure: 'Cold',
      gcs: 'COLDLINE',
      'huawei-obs': 'STANDARD_IA',
      'alibaba-oss': 'STANDARD_IA',
      'cloudflare-r2': 'STANDARD_IA',
    }),
    attributes: {},
    backends: [],
  },
];
