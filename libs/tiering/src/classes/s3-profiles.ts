import type { S3Profile } from '#libs/naming';
import type { StorageClass } from '../storage-class.js';
import { standardOnly } from './standard-only.js';

const MINIO: readonly StorageClass[] = [
  {
    name: 'STANDARD',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    default: true,
    note: 'The parity the server is set up with',
    transitionsTo: ['REDUCED_REDUNDANCY'],
  },
  {
    name: 'REDUCED_REDUNDANCY',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'Less parity: takes less room, survives fewer lost drives',
    transitionsTo: [],
  },
];

/** The names OBS takes on its S3 wire; WARM and COLD are its own names for the same classes. */
const HUAWEI_OBS: readonly StorageClass[] = [
  {
    name: 'STANDARD',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    default: true,
    note: 'Frequently read data',
    transitionsTo: ['STANDARD_IA', 'GLACIER'],
  },
  {
    name: 'STANDARD_IA',
    minimumDays: 30,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'OBS Infrequent Access (WARM)',
    transitionsTo: ['GLACIER'],
    aliases: ['WARM'],
  },
  {
    name: 'GLACIER',
    minimumDays: 90,
    minimumBytes: 0,
    retrieval: 'restore',
    note: 'OBS Archive (COLD): restored before it is read',
    transitionsTo: [],
    aliases: ['COLD'],
  },
];

/** OSS has ColdArchive and DeepColdArchive too, but no name on the S3 wire for them. */
const ALIBABA_OSS: readonly StorageClass[] = [
  {
    name: 'STANDARD',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    default: true,
    note: 'Frequently read data',
    transitionsTo: ['STANDARD_IA', 'GLACIER'],
  },
  {
    name: 'STANDARD_IA',
    minimumDays: 30,
    minimumBytes: 65_536,
    retrieval: 'immediate',
    note: 'OSS IA: infrequent access, billed as 64 KB at least',
    transitionsTo: ['GLACIER'],
    aliases: ['IA'],
  },
  {
    name: 'GLACIER',
    minimumDays: 60,
    minimumBytes: 65_536,
    retrieval: 'restore',
    note: 'OSS Archive: restored before it is read, billed as 64 KB at least',
    transitionsTo: [],
    aliases: ['Archive'],
  },
];

const CLOUDFLARE_R2: readonly StorageClass[] = [
  {
    name: 'STANDARD',
    minimumDays: 0,
    minimumBytes: 0,
    retrieval: 'immediate',
    default: true,
    note: 'Frequently read data',
    transitionsTo: ['STANDARD_IA'],
  },
  {
    name: 'STANDARD_IA',
    minimumDays: 30,
    minimumBytes: 0,
    retrieval: 'immediate',
    note: 'R2 Infrequent Access, a fee on each read',
    transitionsTo: [],
  },
];

/** What an object can be given through the S3 wire of each S3-compatible service. */
export const S3_PROFILE_CLASSES: Readonly<Record<S3Profile, readonly StorageClass[]>> = {
  minio: MINIO,
  ceph: standardOnly('Other classes exist only where an operator of the zone has defined them'),
  'huawei-obs': HUAWEI_OBS,
  'alibaba-oss': ALIBABA_OSS,
  'ibm-cos': standardOnly('IBM sets the class on the bucket, by its location constraint, never on an object'),
  'cloudflare-r2': CLOUDFLARE_R2,
  'backblaze-b2': standardOnly('B2 has one class'),
  wasabi: standardOnly('Wasabi has one class; its pay-as-you-go plan bills each object for 90 days at least'),
  generic: standardOnly('Nothing is known about this service, so nothing else is asked of it'),
};
