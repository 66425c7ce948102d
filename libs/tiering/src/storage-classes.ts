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

/** Every storage class of a vendor, warmest first; never empty, exactly one of them the default. */
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
 * Orders two classes, of one vendor or of two, by how cold they are: negative if `a` is warmer. What needs a restore is
 * colder than what does not; then the longer minimum stay; then the place in the vendor's own list.
 */
export function compareColdness(
  a: { vendor: Vendor; storageClass: string },
  b: { vendor: Vendor; storageClass: string },
): number {
  const [x, y] = [coldness(a.vendor, a.storageClass), coldness(b.vendor, b.storageClass)];
  return x.restore - y.restore || x.days - y.days || x.place - y.place;
}

function coldness(vendor: Vendor, name: string): { restore: number; days: number; place: number } {
  const found = findStorageClass(vendor, name);
  if (!found) return { restore: 0, days: 0, place: -1 };
  return {
    restore: found.retrieval === 'restore' ? 1 : 0,
    days: found.minimumDays,
    place: CLASSES[vendor].indexOf(found),
  };
}
