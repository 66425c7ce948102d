import type { Vendor } from '#libs/naming';
import { AWS_CLASSES } from './classes/aws.js';
import { AZURE_CLASSES } from './classes/azure.js';
import { GCS_CLASSES } from './classes/gcs.js';
import { S3_PROFILE_CLASSES } from './classes/s3-profiles.js';
import { standardOnly } from './classes/standard-only.js';
import type { StorageClass } from './storage-class.js';

const CLASSES: Readonly<Record<Vendor, readonly StorageClass[]>> = {
  aws: AWS_CLASSES,
  azure: AZURE_CLASSES,
  gcs: GCS_CLASSES,
  filesystem: standardOnly('A directory: every class would be the same disk'),
  ...S3_PROFILE_CLASSES,
};

/** Every storage class of a vendor, in the order of its waterfall; never empty, exactly one of them the default. */
export function storageClassesOf(vendor: Vendor): readonly StorageClass[] {
  return CLASSES[vendor];
}

/** The class of that name at that vendor, whatever the case and by the vendor's own other names; undefined if there is none. */
export function findStorageClass(vendor: Vendor, name: string): StorageClass | undefined {
  const wanted = name.toLowerCase();
  const classes = CLASSES[vendor];
  return (
    classes.find((one) => one.name.toLowerCase() === wanted) ??
    classes.find((one) => one.aliases?.some((alias) => alias.toLowerCase() === wanted))
  );
}

/** The class an object gets at that vendor when nothing is asked for. */
export function defaultStorageClass(vendor: Vendor): StorageClass {
  const found = CLASSES[vendor].find((one) => one.default);
  if (!found) throw new Error(`The table of storage classes marks no default for ${vendor}`);
  return found;
}

/** The legal class names of a vendor as a person reads them in an error: `Hot, Cool, Cold, Archive`. */
export function legalClasses(vendor: Vendor): string {
  return CLASSES[vendor].map((one) => one.name).join(', ');
}

/** May a lifecycle rule take an object from one class to the other within this vendor? Unknown classes may go nowhere. */
export function mayTransition(vendor: Vendor, from: string, to: string): boolean {
  const target = findStorageClass(vendor, to);
  return target !== undefined && (findStorageClass(vendor, from)?.transitionsTo.includes(target.name) ?? false);
}

/**
 * Orders two classes of one vendor by how far down its waterfall they are: negative if `a` is the warmer. A class the
 * vendor does not have counts as warmer than all.
 */
export function compareColdness(vendor: Vendor, a: string, b: string): number {
  return depth(vendor, a) - depth(vendor, b);
}

function depth(vendor: Vendor, name: string): number {
  const found = findStorageClass(vendor, name);
  return found ? CLASSES[vendor].indexOf(found) : -1;
}
