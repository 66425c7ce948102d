import type { NameRule } from './bucket-name-rules.js';
import { BUCKET_NAME_RULES, CEPH_RELAXED_RULES } from './bucket-name-vendors.js';
import { AWS_ACCELERATED_RULES, AWS_ACCOUNT_REGIONAL_RULES, AWS_DIRECTORY_RULES } from './bucket-names-aws.js';
import { AZURE_EXISTING_RULES } from './bucket-names-azure.js';
import type { Vendor } from './vendors.js';
import { VENDORS } from './vendors.js';
import type { NameVerdict, Violation } from './verdict.js';
import { shown } from './verdict.js';

/** What a bucket is to be, where that changes the rules of its name. The default is an ordinary bucket to be created. */
export interface NameOptions {
  /** AWS: the namespace of the name; `global` if absent. */
  readonly namespace?: 'global' | 'account-regional' | 'directory';
  /** AWS: Transfer Acceleration will be on (A2.7), which takes no periods. */
  readonly transferAcceleration?: boolean;
  /** Azure: the container exists and is to be adopted. */
  readonly existing?: boolean;
  /** Ceph: the gateway runs with `rgw_relaxed_s3_bucket_names`. */
  readonly relaxed?: boolean;
}

/** A rule of a vendor as plain data, for showing. */
export interface ShownRule {
  readonly rule: string;
  readonly statement: string;
  readonly source: string;
  readonly severity: 'violation' | 'warning';
}

/** Checks a name against every rule of a vendor and tells all that it breaks, in the vendor's order. Never throws. */
export function validateBucketName(name: string, vendor: Vendor, options: NameOptions = {}): NameVerdict {
  const broken = rulesFor(vendor, options).filter((rule) => !rule.passes(name));
  const told = (severity: NameRule['severity']): Violation[] =>
    broken.filter((rule) => rule.severity === severity).map((rule) => tell(rule, name));
  const violations = told('violation');
  return { vendor, valid: violations.length === 0, violations, warnings: told('warning') };
}

/** Whether every known vendor would take the name. Warnings do not count. */
export function legalEverywhere(name: string): boolean {
  return VENDORS.every((vendor) => validateBucketName(name, vendor).valid);
}

/** The rules of a vendor's bucket names as plain data. */
export function vendorRules(vendor: Vendor): readonly ShownRule[] {
  return BUCKET_NAME_RULES[vendor].map(({ id, statement, source, severity }) => ({
    rule: id,
    statement,
    source,
    severity,
  }));
}

function rulesFor(vendor: Vendor, options: NameOptions): readonly NameRule[] {
  if (vendor === 'aws' && options.namespace === 'directory') return AWS_DIRECTORY_RULES;
  if (vendor === 'aws' && options.namespace === 'account-regional') return AWS_ACCOUNT_REGIONAL_RULES;
  if (vendor === 'aws' && options.transferAcceleration === true) return AWS_ACCELERATED_RULES;
  if (vendor === 'azure' && options.existing === true) return AZURE_EXISTING_RULES;
  if (vendor === 'ceph' && options.relaxed === true) return CEPH_RELAXED_RULES;
  return BUCKET_NAME_RULES[vendor];
}

function tell(rule: NameRule, name: string): Violation {
  return {
    rule: rule.id,
    message: `The name ${shown(name)} ${rule.found(name)}; expected: ${rule.statement}.`,
    source: rule.source,
  };
}
