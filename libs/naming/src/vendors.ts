/** The kinds of backend that can be registered. `s3` is any S3-compatible service and takes a profile. */
export const BACKEND_TYPES = ['aws', 's3', 'azure', 'gcs', 'filesystem'] as const;
export type BackendType = (typeof BACKEND_TYPES)[number];

/** The S3-compatible services whose rules and quirks are known; `generic` is the cautious default. */
export const S3_PROFILES = [
  'minio',
  'ceph',
  'huawei-obs',
  'alibaba-oss',
  'ibm-cos',
  'cloudflare-r2',
  'backblaze-b2',
  'wasabi',
  'generic',
] as const;
export type S3Profile = (typeof S3_PROFILES)[number];

/** A vendor is whoever sets the rules: a type of its own, or the profile of an S3-compatible backend. */
export const VENDORS = ['aws', 'azure', 'gcs', 'filesystem', ...S3_PROFILES] as const;
export type Vendor = (typeof VENDORS)[number];

/** The vendor whose naming rules, limits and storage classes hold for a backend of this type and profile. */
export function vendorOf(type: BackendType, profile?: S3Profile): Vendor {
  return type === 's3' ? (profile ?? 'generic') : type;
}
