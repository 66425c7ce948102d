import type { StorageClass } from '../storage-class.js';

/**
 * Google Cloud Storage, warmest first. Every class answers in milliseconds, archives included, for a retrieval fee. A
 * bucket in Autoclass mode ignores a requested class. Source: cloud.google.com/storage/docs/storage-classes.
 */
export const GCS_CLASSES: readonly StorageClass[] = [
  {
    name: 'STANDARD',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    default: true,
    note: 'Frequently read data',
    transitionsTo: ['NEARLINE', 'COLDLINE', 'ARCHIVE'],
  },
  {
    name: 'NEARLINE',
    minimumDays: 30,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'Read about once a month',
    transitionsTo: ['COLDLINE', 'ARCHIVE'],
  },
  {
    name: 'COLDLINE',
    minimumDays: 90,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'Read about once a quarter',
    transitionsTo: ['ARCHIVE'],
  },
  {
    name: 'ARCHIVE',
    minimumDays: 365,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'Read less than once a year, yet without a restore',
    transitionsTo: [],
  },
];
