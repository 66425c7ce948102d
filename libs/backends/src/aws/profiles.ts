import type { Vendor } from '#libs/naming';

/** What sets one S3-compatible service apart, beyond the limits that `limitsOf` knows. Upper bounds: a probe narrows them. */
export interface S3Quirks {
  readonly addressing: 'virtual-host' | 'path';
  /** The public endpoint of a region, where the service has one. */
  readonly endpoint?: (region: string) => string;
  /** The region that requests are signed for when none is given. */
  readonly defaultRegion?: string;
  /** CreateBucket names the region in a LocationConstraint (never for us-east-1, whose name is not accepted there). */
  readonly locationConstraint: boolean;
  /** Object versioning, and with it VersionIds as tokens. */
  readonly versioning: boolean;
  /** `If-None-Match: *` on PUT, copy and CompleteMultipartUpload. */
  readonly ifNoneMatch: boolean;
  /** `If-Match` on PUT. Of use only where tokens are ETags: a VersionId cannot be a condition. */
  readonly ifMatch: boolean;
  readonly tagging: boolean;
  readonly copyParts: boolean;
}

const COMPATIBLE: S3Quirks = {
  addressing: 'path',
  locationConstraint: false,
  versioning: true,
  ifNoneMatch: true,
  ifMatch: true,
  tagging: true,
  copyParts: true,
};
/** Services that document no conditional writes: better refused than ignored. */
const UNCONDITIONAL: S3Quirks = { ...COMPATIBLE, ifNoneMatch: false, ifMatch: false };

type S3Vendor = Exclude<Vendor, 'azure' | 'gcs' | 'filesystem'>;

const QUIRKS: Readonly<Record<S3Vendor, S3Quirks>> = {
  aws: {
    ...COMPATIBLE,
    addressing: 'virtual-host',
    endpoint: (region) => `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`,
    defaultRegion: 'us-east-1',
    locationConstraint: true,
  },
  minio: { ...COMPATIBLE, defaultRegion: 'us-east-1' },
  ceph: { ...COMPATIBLE, defaultRegion: 'us-east-1' },
  'huawei-obs': {
    ...UNCONDITIONAL,
    addressing: 'virtual-host',
    endpoint: (region) => `https://obs.${region}.myhuaweicloud.com`,
    locationConstraint: true,
    tagging: false,
  },
  // OSS refuses path style, and on its S3 wire the region is written `oss-<region>`.
  'alibaba-oss': {
    ...UNCONDITIONAL,
    addressing: 'virtual-host',
    endpoint: (region) => `https://s3.oss-${region.replace(/^oss-/, '')}.aliyuncs.com`,
  },
  'ibm-cos': { ...COMPATIBLE, endpoint: (region) => `https://s3.${region}.cloud-object-storage.appdomain.cloud` },
  // Its endpoint has the account in it, so there is no default. No versions, no tags.
  'cloudflare-r2': { ...COMPATIBLE, defaultRegion: 'auto', versioning: false, tagging: false },
  'backblaze-b2': {
    ...UNCONDITIONAL,
    endpoint: (region) => `https://s3.${region}.backblazeb2.com`,
    tagging: false,
  },
  wasabi: {
    ...UNCONDITIONAL,
    endpoint: (region) => `https://s3.${region}.wasabisys.com`,
    defaultRegion: 'us-east-1',
    locationConstraint: true,
  },
  generic: { ...COMPATIBLE, defaultRegion: 'us-east-1' },
};

/** The quirks of a vendor of the S3 family; undefined for the others. */
export function quirksOf(vendor: Vendor): S3Quirks | undefined {
  return Object.entries(QUIRKS).find(([name]) => name === vendor)?.[1];
}
