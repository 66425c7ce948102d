import type { NameRule } from './bucket-name-rules.js';
import {
  asWarning,
  BEGINS_AND_ENDS_ALPHANUMERIC,
  characters,
  length,
  LOWERCASE_DIGITS_DASH,
  LOWERCASE_DIGITS_DOT_DASH,
  NO_ADJACENT_DASHES,
  NO_ADJACENT_PERIODS,
  NO_DASH_BESIDE_PERIOD,
  NOT_FOUR_NUMBERS,
  NOT_IP_ADDRESS,
  notBeginning,
  notEnding,
  rule,
  statedBy,
} from './bucket-name-rules.js';
import { AWS_GLOBAL_NAMESPACE, AWS_NAMING, AWS_RULES, AWS_SHARED_RULES } from './bucket-names-aws.js';
import { AZURE_RULES } from './bucket-names-azure.js';
import { GCS_RULES } from './bucket-names-gcs.js';
import type { Vendor } from './vendors.js';

const MINIO = 'https://github.com/minio/minio-go/blob/master/pkg/s3utils/utils.go (CheckValidBucketNameStrict)';
const CEPH = 'https://github.com/ceph/ceph/blob/main/src/rgw/rgw_rest_s3.h (valid_s3_bucket_name)';
const S3_FORM = [length(3, 63), LOWERCASE_DIGITS_DOT_DASH, BEGINS_AND_ENDS_ALPHANUMERIC, NO_ADJACENT_PERIODS] as const;

const NOT_MINIOS_OWN = rule(
  'reserved-name',
  'not "minio" and not ".minio.sys", which the server keeps for itself',
  (name) => name !== 'minio' && name !== '.minio.sys',
  (name) => `is ${JSON.stringify(name)}`,
);

const NOT_A_DEVICE = rule(
  'device-name',
  'not the name of a Windows device (con, prn, aux, nul, com0-9, lpt0-9), with or without an extension',
  (name) => !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name),
  (name) => `is the device ${JSON.stringify(name.split('.')[0])}`,
);

const CASE_IS_FOLDED = asWarning(
  rule(
    'case-insensitive',
    'lowercase: the vendor compares names without regard to case',
    (name) => name === name.toLowerCase(),
    () => 'holds uppercase letters',
  ),
);

/** The rules of every vendor, as each states them. `generic` is what AWS, MinIO and Ceph all accept. */
export const BUCKET_NAME_RULES: Readonly<Record<Vendor, readonly NameRule[]>> = {
  aws: AWS_RULES,
  azure: AZURE_RULES,
  gcs: GCS_RULES,
  filesystem: statedBy(
    'https://learn.microsoft.com/windows/win32/fileio/naming-a-file (names safe as a directory on every system)',
    ...S3_FORM,
    NOT_A_DEVICE,
  ),
  minio: statedBy(MINIO, ...S3_FORM, NO_DASH_BESIDE_PERIOD, NOT_FOUR_NUMBERS, NOT_MINIOS_OWN),
  ceph: statedBy(CEPH, ...S3_FORM, NO_DASH_BESIDE_PERIOD, NOT_FOUR_NUMBERS),
  'huawei-obs': statedBy(
    'https://support.huaweicloud.com/intl/en-us/obs_29_0108 (OBS bucket naming)',
    ...S3_FORM,
    NO_DASH_BESIDE_PERIOD,
    NOT_IP_ADDRESS,
  ),
  'alibaba-oss': statedBy(
    'https://www.alibabacloud.com/help/en/oss/user-guide/bucket-naming-conventions',
    length(3, 63),
    LOWERCASE_DIGITS_DASH,
    BEGINS_AND_ENDS_ALPHANUMERIC,
  ),
  'ibm-cos': statedBy(
    'https://github.com/ibm-cloud-docs/cloud-object-storage/blob/master/api-reference-buckets.md',
    ...S3_FORM,
    NO_ADJACENT_DASHES,
    NOT_IP_ADDRESS,
    notBeginning('cosv1-'),
    notBeginning('account-'),
  ),
  'cloudflare-r2': statedBy(
    'https://developers.cloudflare.com/r2/buckets/create-buckets/',
    length(3, 63),
    LOWERCASE_DIGITS_DASH,
    BEGINS_AND_ENDS_ALPHANUMERIC,
  ),
  'backblaze-b2': statedBy(
    'https://www.backblaze.com/docs/cloud-storage-create-and-manage-buckets',
    length(6, 63),
    characters('A-Za-z0-9-', 'letters, digits and "-" (no dots, no underscores)'),
    notBeginning('b2-'),
    CASE_IS_FOLDED,
  ),
  wasabi: statedBy('https://docs.wasabi.com/docs/bucket-naming-conventions', ...AWS_SHARED_RULES),
  generic: [
    ...statedBy(AWS_NAMING, ...AWS_SHARED_RULES.filter((shared) => shared !== NOT_IP_ADDRESS)),
    ...statedBy(AWS_NAMING, notEnding('--table-s3'), AWS_GLOBAL_NAMESPACE),
    ...statedBy(MINIO, NO_DASH_BESIDE_PERIOD, NOT_FOUR_NUMBERS, NOT_MINIOS_OWN),
  ],
};

/** Ceph with `rgw_relaxed_s3_bucket_names`: what existed before S3's rules were made strict. */
export const CEPH_RELAXED_RULES: readonly NameRule[] = statedBy(
  `${CEPH}, rgw_relaxed_s3_bucket_names`,
  length(3, 255),
  characters('A-Za-z0-9._-', 'letters, digits, ".", "_" and "-"'),
  NOT_FOUR_NUMBERS,
);
