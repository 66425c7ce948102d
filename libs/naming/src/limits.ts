import type { Vendor } from './vendors.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const TIB = 1024 * GIB;
const GB = 1e9;
const TB = 1e12;

/** What a vendor's service can hold, as of the documents it was read from; sizes in bytes, all exact in a double. */
export interface VendorLimits {
  readonly maxObjectBytes: number;
  /** The largest body of one put request. */
  readonly maxSinglePutBytes: number;
  readonly maxParts: number;
  /** The smallest part that is not the last. */
  readonly minPartBytes: number;
  readonly maxPartBytes: number;
  /** All parts but the last must have one size. */
  readonly equalParts?: boolean;
  /** User metadata, names and values as sent, together. */
  readonly metadataBytes: number;
  /** S3 family: the ListObjects version that is safe. */
  readonly listVersion?: 1 | 2;
  /** S3 family: `encoding-type=url` works in listings. False where it is broken, and where listings are not S3's. */
  readonly urlEncodingListing: boolean;
  /** The ETag of a completed multipart upload is the MD5 of its parts' MD5s. */
  readonly reliableMultipartEtag: boolean;
  /** The most keys one batched delete takes. */
  readonly deleteBatch: number;
}

/** What can be assumed of an S3-compatible service that nothing is known of. */
const CAUTIOUS_S3 = {
  maxObjectBytes: 5 * TIB,
  maxSinglePutBytes: 5 * GIB,
  maxParts: 10_000,
  minPartBytes: 5 * MIB,
  maxPartBytes: 5 * GIB,
  metadataBytes: 2 * KIB,
  listVersion: 1,
  urlEncodingListing: false,
  reliableMultipartEtag: false,
  deleteBatch: 1000,
} as const satisfies VendorLimits;

const SOUND_LISTING = { listVersion: 2, urlEncodingListing: true } as const;

/** The "48.8 TiB" of AWS, OBS and OSS: 10,000 parts of 5 GiB. */
const FULL_MULTIPART = CAUTIOUS_S3.maxParts * CAUTIOUS_S3.maxPartBytes;

const LIMITS: Readonly<Record<Vendor, VendorLimits>> = {
  aws: { ...CAUTIOUS_S3, ...SOUND_LISTING, maxObjectBytes: FULL_MULTIPART, reliableMultipartEtag: true },
  azure: {
    maxObjectBytes: 50_000 * 4000 * MIB,
    maxSinglePutBytes: 5000 * MIB,
    maxParts: 50_000,
    minPartBytes: 1,
    maxPartBytes: 4000 * MIB,
    metadataBytes: 8 * KIB,
    urlEncodingListing: false,
    reliableMultipartEtag: false,
    deleteBatch: 256,
  },
  gcs: {
    maxObjectBytes: 5 * TIB,
    maxSinglePutBytes: 5 * TIB,
    maxParts: 10_000,
    minPartBytes: 5 * MIB,
    maxPartBytes: 5 * GIB,
    metadataBytes: 8 * KIB,
    urlEncodingListing: false,
    reliableMultipartEtag: false,
    deleteBatch: 100,
  },
  // Nothing but the disk limits a directory; S3's own limits keep what is stored here movable to the clouds.
  filesystem: {
    maxObjectBytes: FULL_MULTIPART,
    maxSinglePutBytes: FULL_MULTIPART,
    maxParts: 10_000,
    minPartBytes: 1,
    maxPartBytes: 5 * GIB,
    metadataBytes: 8 * KIB,
    urlEncodingListing: false,
    reliableMultipartEtag: false,
    deleteBatch: 1000,
  },
  minio: {
    ...CAUTIOUS_S3,
    ...SOUND_LISTING,
    maxObjectBytes: 50 * TIB,
    maxSinglePutBytes: 5 * TIB,
    reliableMultipartEtag: true,
  },
  // All request headers may have 16,000 bytes; half of it is left to the others.
  ceph: { ...CAUTIOUS_S3, maxObjectBytes: 5 * TB, metadataBytes: 8000, reliableMultipartEtag: true },
  'huawei-obs': {
    ...CAUTIOUS_S3,
    maxObjectBytes: FULL_MULTIPART,
    minPartBytes: 100 * KIB,
    metadataBytes: 8 * KIB,
    reliableMultipartEtag: true,
  },
  'alibaba-oss': {
    ...CAUTIOUS_S3,
    ...SOUND_LISTING,
    maxObjectBytes: FULL_MULTIPART,
    minPartBytes: 100 * KIB,
    // "Under" 8 KB.
    metadataBytes: 8 * KIB - 1,
  },
  'ibm-cos': { ...CAUTIOUS_S3, maxObjectBytes: 10 * TB, maxSinglePutBytes: 5 * GB, maxPartBytes: 5 * GB },
  'cloudflare-r2': {
    ...CAUTIOUS_S3,
    ...SOUND_LISTING,
    // "About 5 TiB": one part less than that.
    maxObjectBytes: 5 * TIB - 5 * GIB,
    maxSinglePutBytes: 5 * GIB - 5 * MIB,
    equalParts: true,
    metadataBytes: 8 * KIB,
  },
  // 7,000 bytes with the name of the object, 2,048 with encryption or lock: the smaller holds always.
  'backblaze-b2': {
    ...CAUTIOUS_S3,
    ...SOUND_LISTING,
    maxObjectBytes: 10 * TB,
    maxSinglePutBytes: 5 * GB,
    maxPartBytes: 5 * GB,
    reliableMultipartEtag: true,
  },
  wasabi: { ...CAUTIOUS_S3, ...SOUND_LISTING, reliableMultipartEtag: true },
  generic: CAUTIOUS_S3,
};

/** The limits and quirks of a vendor's service; what is not known of an S3-compatible one is the cautious default. */
export function limitsOf(vendor: Vendor): VendorLimits {
  return LIMITS[vendor];
}

/**
 * The bytes that a vendor gives to an object's metadata, as encoded, names and values together. Spumoni's own names
 * count too, so check them along with the user's.
 */
export function metadataLimitBytes(vendor: Vendor): number {
  return LIMITS[vendor].metadataBytes;
}
