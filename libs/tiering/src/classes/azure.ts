import type { StorageClass } from '../storage-class.js';

/**
 * Azure block-blob access tiers, warmest first. Premium accounts have none; Archive is not offered on ZRS and GZRS
 * accounts. Source: learn.microsoft.com/azure/storage/blobs/access-tiers-overview.
 */
export const AZURE_CLASSES: readonly StorageClass[] = [
  {
    name: 'Hot',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    default: true,
    note: 'Frequently read data',
    transitionsTo: ['Cool', 'Cold', 'Archive'],
  },
  {
    name: 'Cool',
    minimumDays: 30,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'Infrequent access, a fee on each read',
    transitionsTo: ['Cold', 'Archive'],
  },
  {
    name: 'Cold',
    minimumDays: 90,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'Rarely read, still online',
    transitionsTo: ['Archive'],
  },
  {
    name: 'Archive',
    minimumDays: 180,
    minimumBytes: 0,
    retrieval: 'restore',
    note: 'Offline: rehydration takes up to 15 hours; neither read nor overwritten before; not on ZRS or GZRS accounts',
    transitionsTo: [],
  },
];
