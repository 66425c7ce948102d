import { KIB_128, type StorageClass } from '../storage-class.js';

/**
 * AWS S3, in the order of its waterfall: docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html:
 * never to STANDARD or REDUCED_REDUNDANCY; INTELLIGENT_TIERING not to STANDARD_IA; ONEZONE_IA only to the two archives.
 */
export const AWS_CLASSES: readonly StorageClass[] = [
  {
    name: 'STANDARD',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    default: true,
    note: 'Frequently read data, three or more zones',
    transitionsTo: ['INTELLIGENT_TIERING', 'STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'],
  },
  {
    name: 'REDUCED_REDUNDANCY',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'Deprecated by AWS: less durable than STANDARD and no cheaper',
    transitionsTo: ['INTELLIGENT_TIERING', 'STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'],
  },
  {
    name: 'EXPRESS_ONEZONE',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'Directory buckets only: one zone, single-digit milliseconds',
    transitionsTo: [],
  },
  {
    name: 'OUTPOSTS',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'AWS Outposts only',
    transitionsTo: [],
  },
  {
    name: 'STANDARD_IA',
    minimumDays: 30,
    minimumBytes: KIB_128,
    retrieval: 'immediate',
    note: 'Infrequent access, a fee on each read',
    transitionsTo: ['INTELLIGENT_TIERING', 'ONEZONE_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'],
  },
  {
    name: 'INTELLIGENT_TIERING',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'AWS moves the object by use; a monitoring fee; objects under 128 KB are never tiered',
    transitionsTo: ['ONEZONE_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'],
  },
  {
    name: 'ONEZONE_IA',
    minimumDays: 30,
    minimumBytes: KIB_128,
    retrieval: 'immediate',
    note: 'Infrequent access in one zone: lost if that zone is',
    transitionsTo: ['GLACIER', 'DEEP_ARCHIVE'],
  },
  {
    name: 'GLACIER_IR',
    minimumDays: 90,
    minimumBytes: KIB_128,
    retrieval: 'immediate',
    note: 'Glacier Instant Retrieval: archive price, read in milliseconds',
    transitionsTo: ['GLACIER', 'DEEP_ARCHIVE'],
  },
  {
    name: 'GLACIER',
    minimumDays: 90,
    minimumBytes: 0,
    retrieval: 'restore',
    note: 'Glacier Flexible Retrieval: restore takes 1 minute to 12 hours; 40 KB overhead an object',
    transitionsTo: ['DEEP_ARCHIVE'],
  },
  {
    name: 'DEEP_ARCHIVE',
    minimumDays: 180,
    minimumBytes: 0,
    retrieval: 'restore',
    note: 'Glacier Deep Archive: restore takes 12 to 48 hours; 40 KB overhead an object',
    transitionsTo: [],
  },
];
