import type { StorageClass } from '../storage-class.js';

/** The class list of a vendor where nothing can be chosen for an object: STANDARD alone, with the reason as its note. */
export function standardOnly(note: string): readonly StorageClass[] {
  return [
    {
      name: 'STANDARD',
      minimumDays: 0,
      minimumBytes: 0,
      retrieval: 'immediate',
      default: true,
      note,
      transitionsTo: [],
    },
  ];
}
