import type { NameRule, UnsourcedRule } from './bucket-name-rules.js';
import {
  asWarning,
  BEGINS_AND_ENDS_ALPHANUMERIC,
  length,
  LOWERCASE_DIGITS_DASH,
  LOWERCASE_DIGITS_DOT_DASH,
  NO_ADJACENT_PERIODS,
  NOT_IP_ADDRESS,
  notBeginning,
  notEnding,
  rule,
  statedBy,
} from './bucket-name-rules.js';

export const AWS_NAMING = 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html';
const AWS_NAMESPACES = 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html';
const AWS_DIRECTORY = 'https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-bucket-naming-rules.html';

/** The part of AWS's list that Wasabi repeats. `.-` and `-.` are legal here: MinIO, OBS and Ceph are stricter than AWS. */
export const AWS_SHARED_RULES: readonly UnsourcedRule[] = [
  length(3, 63),
  LOWERCASE_DIGITS_DOT_DASH,
  BEGINS_AND_ENDS_ALPHANUMERIC,
  NO_ADJACENT_PERIODS,
  NOT_IP_ADDRESS,
  ...['xn--', 'sthree-', 'amzn-s3-demo-'].map(notBeginning),
  ...['-s3alias', '--ol-s3', '.mrap', '--x-s3'].map(notEnding),
];

const COMMON_RULES = statedBy(AWS_NAMING, ...AWS_SHARED_RULES, notEnding('--table-s3'));

/** A global name may not look like one of an account's regional namespace. */
export const AWS_GLOBAL_NAMESPACE = rule(
  'account-regional-suffix',
  'does not end with "-an", which is kept for buckets of an account regional namespace ' +
    '(<prefix>-<12-digit account>-<region>-an, created with x-amz-bucket-namespace: account-regional)',
  (name) => !name.endsWith('-an'),
  () => 'ends with "-an" but is to be a global name',
);

const ACCOUNT_REGIONAL_FORM = rule(
  'account-regional-form',
  'formed as <prefix>-<12-digit account>-<region>-an',
  (name) => /^.+-\d{12}-[a-z]{2,}(-[a-z]+)+-\d+-an$/.test(name),
  () => 'is not formed as a name of an account regional namespace',
);

const NO_PERIODS = rule(
  'transfer-acceleration-periods',
  'no periods in a bucket used with Transfer Acceleration',
  (name) => !name.includes('.'),
  () => 'holds a period',
);

/** General purpose buckets with a global name. Periods are legal, and shut out Transfer Acceleration: hence a warning. */
export const AWS_RULES: readonly NameRule[] = [
  ...COMMON_RULES,
  ...statedBy(AWS_NAMESPACES, AWS_GLOBAL_NAMESPACE),
  ...statedBy(AWS_NAMING, asWarning(NO_PERIODS)),
];

/** General purpose buckets that will be used with Transfer Acceleration. */
export const AWS_ACCELERATED_RULES: readonly NameRule[] = [
  ...COMMON_RULES,
  ...statedBy(AWS_NAMESPACES, AWS_GLOBAL_NAMESPACE),
  ...statedBy(AWS_NAMING, NO_PERIODS),
];

/** Buckets created with `x-amz-bucket-namespace: account-regional`. */
export const AWS_ACCOUNT_REGIONAL_RULES: readonly NameRule[] = [
  ...COMMON_RULES,
  ...statedBy(AWS_NAMESPACES, ACCOUNT_REGIONAL_FORM),
];

/** Directory buckets (S3 Express): `<base>--<zone id>--x-s3`. */
export const AWS_DIRECTORY_RULES: readonly NameRule[] = statedBy(
  AWS_DIRECTORY,
  length(3, 63),
  LOWERCASE_DIGITS_DASH,
  BEGINS_AND_ENDS_ALPHANUMERIC,
  rule(
    'directory-form',
    'formed as <base>--<zone id>--x-s3',
    (name) => /^.+--[a-z0-9-]+--x-s3$/.test(name),
    () => 'is not formed as the name of a directory bucket',
  ),
);
