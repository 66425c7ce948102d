import { limitsOf } from './limits.js';
import type { Vendor } from './vendors.js';

/** What a vendor cannot hold in an object's key, as data: the check and the escape read the same table. */
export interface KeyProfile {
  readonly source: string;
  readonly maxLength: number;
  /** Azure counts UTF-16 code units, the others bytes of UTF-8. */
  readonly lengthUnit: 'bytes' | 'characters';
  /** A single character that is refused wherever it stands. */
  readonly refusedCharacters?: RegExp;
  /** A first character that is refused. */
  readonly refusedFirst?: RegExp;
  /** Segments `.` and `..` are refused, as URL parsers and file stores resolve them. */
  readonly noDotSegments?: boolean;
  /** A segment, or a key, that ends in a period loses it. */
  readonly noTrailingPeriods?: boolean;
  /** A key that ends in `/` loses it. */
  readonly noTrailingSlash?: boolean;
  /** `a//b` and `/a` are refused. A single trailing `/` is not an empty segment. */
  readonly noEmptySegments?: boolean;
  readonly maxSegmentBytes?: number;
  readonly maxSegments?: number;
  readonly refusedKeys?: readonly string[];
  readonly refusedPrefixes?: readonly string[];
}

/* Control characters are what these patterns are about, so they are built from code points. */
const between = (from: number, to: number): string => `${unit(from)}-${unit(to)}`;
const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;
const setOf = (...ranges: readonly string[]): RegExp => new RegExp(`^[${ranges.join('')}]$`, 'u');

const C0 = between(0x00, 0x1f);
const NONCHARACTERS = between(0xfffe, 0xffff);
/** What an XML 1.0 listing cannot carry, or changes on the way (CR, LF and tab). */
const NOT_IN_XML = setOf(C0, NONCHARACTERS);

const S3_KEYS = 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html';

function s3(vendor: Vendor, own: Partial<KeyProfile> = {}): KeyProfile {
  return {
    source: S3_KEYS,
    maxLength: 1024,
    lengthUnit: 'bytes',
    noDotSegments: true,
    ...(limitsOf(vendor).urlEncodingListing ? {} : { refusedCharacters: NOT_IN_XML }),
    ...own,
  };
}

/** The key rules of every vendor. */
export const KEY_PROFILES: Readonly<Record<Vendor, KeyProfile>> = {
  // `soap` cannot be reached with virtual-host addressing.
  aws: s3('aws', { refusedKeys: ['soap'] }),
  azure: {
    source:
      'https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata',
    maxLength: 1024,
    lengthUnit: 'characters',
    // Named are 00-1F, 81 "and so on" and E000: so all controls. A backslash is turned into a slash by SDKs.
    refusedCharacters: setOf(C0, between(0x7f, 0x9f), unit(0xe000), NONCHARACTERS, unit(0x5c)),
    noTrailingPeriods: true,
    noTrailingSlash: true,
    maxSegments: 254,
  },
  gcs: {
    source: 'https://cloud.google.com/storage/docs/objects#naming',
    maxLength: 1024,
    lengthUnit: 'bytes',
    refusedCharacters: setOf(unit(0x0a), unit(0x0d)),
    refusedKeys: ['.', '..'],
    refusedPrefixes: ['.well-known/acme-challenge/'],
  },
  // Stored by id: the key is data there.
  filesystem: { source: S3_KEYS, maxLength: 1024, lengthUnit: 'bytes' },
  minio: s3('minio', {
    source: 'https://min.io/docs/minio/linux/operations/concepts/thresholds.html',
    refusedCharacters: setOf(unit(0)),
    noEmptySegments: true,
    maxSegmentBytes: 255,
    // An object cannot stand where other keys have a directory, and every container has `.spumoni/`.
    refusedKeys: ['.spumoni'],
  }),
  ceph: s3('ceph'),
  'huawei-obs': s3('huawei-obs'),
  'alibaba-oss': s3('alibaba-oss', {
    source: 'https://www.alibabacloud.com/help/en/oss/user-guide/object-naming-conventions',
    maxLength: 1023,
    refusedCharacters: setOf(unit(0x0a), unit(0x0d)),
    refusedFirst: setOf('/', unit(0x5c)),
  }),
  'ibm-cos': s3('ibm-cos'),
  'cloudflare-r2': s3('cloudflare-r2'),
  'backblaze-b2': s3('backblaze-b2', {
    source: 'https://www.backblaze.com/docs/cloud-storage-files',
    refusedCharacters: setOf(C0, unit(0x7f)),
  }),
  wasabi: s3('wasabi'),
  // Nobody knows what stands behind it: a file store refuses empty segments, so they are escaped. Not so long segments:
  // their escape would leave no room for keys of the full length, which most services take.
  generic: s3('generic', { refusedCharacters: setOf(C0, unit(0x7f), NONCHARACTERS), noEmptySegments: true }),
};
