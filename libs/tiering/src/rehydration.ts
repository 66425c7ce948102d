import type { Vendor } from '#libs/naming';
import { findStorageClass } from './storage-classes.js';

/**
 * True when an object of this class must be restored (AWS, OBS, OSS) or rehydrated (Azure) before its bytes can be read.
 * A class the vendor's table does not know counts as readable: the vendor's own answer decides then.
 */
export function needsRestore(vendor: Vendor, storageClass: string): boolean {
  return findStorageClass(vendor, storageClass)?.retrieval === 'restore';
}
