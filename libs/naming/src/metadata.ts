import { metadataLimitBytes } from './limits.js';
import { decodeMetadataName, encodeMetadataName, METADATA_NAME } from './metadata-names.js';
import { decodeMetadataValue, encodeMetadataValue } from './metadata-values.js';
import type { Vendor } from './vendors.js';
import type { Violation } from './verdict.js';
import { shown } from './verdict.js';

const SOURCES: Readonly<Record<Vendor, string>> = {
  aws: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html',
  azure: 'https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata',
  gcs: 'https://cloud.google.com/storage/docs/metadata#custom-metadata',
  filesystem: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html',
  minio: 'https://min.io/docs/minio/linux/operations/concepts/thresholds.html',
  ceph: 'https://docs.ceph.com/en/latest/radosgw/s3/objectops/',
  'huawei-obs': 'https://support.huaweicloud.com/ugobs-obs/obs_41_0025.html',
  'alibaba-oss': 'https://help.aliyun.com/en/oss/user-guide/0011-00000002',
  'ibm-cos': 'https://cloud.ibm.com/docs/cloud-object-storage?topic=cloud-object-storage-object-operations',
  'cloudflare-r2': 'https://developers.cloudflare.com/r2/platform/limits/',
  'backblaze-b2': 'https://www.backblaze.com/docs/cloud-storage-files',
  wasabi: 'https://docs.wasabi.com/docs/operations-on-objects',
  generic: 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html',
};

/** Limits of a single entry, in bytes as encoded, where a vendor has them. */
const ENTRY_LIMITS: Partial<Record<Vendor, { readonly nameBytes: number; readonly valueBytes: number }>> = {
  gcs: { nameBytes: 1024, valueBytes: 4096 },
  'backblaze-b2': { nameBytes: 50, valueBytes: Infinity },
};

type Metadata = Readonly<Record<string, string>>;

/**
 * Why the vendor cannot hold this metadata; empty if `encodeMetadata` makes something it can. Names must be lower-case
 * HTTP tokens, values Unicode without CR, LF and NUL, and the vendor's limits are counted on the encoded names and values.
 */
export function checkMetadata(metadata: Metadata, vendor: Vendor): Violation[] {
  const source = SOURCES[vendor];
  const bad = Object.entries(metadata).flatMap(([name, value]) => checkEntry(name, value, source));
  return bad.length > 0 ? bad : checkSizes(encodeMetadata(metadata, vendor), vendor);
}

/**
 * The metadata as the vendor can hold it: what it takes is left alone, the rest is escaped (see `encodeMetadataName`
 * and `encodeMetadataValue`). Throws a RangeError on a name or value that `checkMetadata` reports; does not look at sizes.
 */
export function encodeMetadata(metadata: Metadata, vendor: Vendor): Record<string, string> {
  const entries = Object.entries(metadata);
  const bad = entries.flatMap(([name, value]) => checkEntry(name, value, SOURCES[vendor]));
  if (bad.length > 0) throw new RangeError(bad.map(({ message }) => message).join(' '));
  return Object.fromEntries(
    entries.map(([name, value]) => [encodeMetadataName(name, vendor), encodeMetadataValue(value, vendor)]),
  );
}

/** The inverse of `encodeMetadata`, whatever the vendor did to the case of names. Entries of others come out as they are. */
export function decodeMetadata(encoded: Metadata, vendor: Vendor): Record<string, string> {
  return Object.fromEntries(
    Object.entries(encoded).map(([name, value]) => [
      decodeMetadataName(name, vendor),
      decodeMetadataValue(value, vendor),
    ]),
  );
}

/** The bytes of UTF-8 of all names and values together, as vendors count them. */
export function metadataBytes(encoded: Metadata): number {
  return Object.entries(encoded).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
}

function checkEntry(name: string, value: string, source: string): Violation[] {
  const told = (rule: string, found: string): Violation => ({
    rule,
    message: `The metadata ${shown(name)} ${found}.`,
    source,
  });
  const violations: Violation[] = [];
  if (!METADATA_NAME.test(name)) {
    violations.push(told('metadata-name', "has a bad name; expected: lowercase letters, digits and !#$%&'*+-.^_`|~"));
  }
  if (['\r', '\n', '\0'].some((control) => value.includes(control))) {
    violations.push(
      told('metadata-value', 'has a CR, LF or NUL in its value; expected: what an HTTP header can carry'),
    );
  }
  if (!value.isWellFormed()) {
    violations.push(
      told('metadata-surrogate', 'has half of a surrogate pair in its value; expected: well-formed Unicode'),
    );
  }
  return violations;
}

function checkSizes(encoded: Metadata, vendor: Vendor): Violation[] {
  const source = SOURCES[vendor];
  const { nameBytes, valueBytes } = ENTRY_LIMITS[vendor] ?? { nameBytes: Infinity, valueBytes: Infinity };
  const violations: Violation[] = [];
  const report = (rule: string, what: string, bytes: number, limit: number): void => {
    if (bytes <= limit) return;
    violations.push({ rule, message: `${what} ${bytes} bytes as stored; expected: at most ${limit}.`, source });
  };
  for (const [name, value] of Object.entries(encoded)) {
    report('metadata-name-length', `The metadata name ${shown(name)} has`, Buffer.byteLength(name), nameBytes);
    report('metadata-value-length', `The value of metadata ${shown(name)} has`, Buffer.byteLength(value), valueBytes);
  }
  report('metadata-size', 'Names and values of all metadata have', metadataBytes(encoded), metadataLimitBytes(vendor));
  return violations;
}
