import { S3_PROFILES, VENDORS, type Vendor } from '#libs/naming';
import { findStorageClass, legalClasses } from './storage-classes.js';
import type { TierAttribute, TierPolicy, Violation } from './tier-policy.js';

/** What a client sends: nothing in it is believed before `validateTierPolicy` has looked. */
export interface TierPolicyInput {
  readonly name?: unknown;
  readonly description?: unknown;
  readonly classes?: unknown;
  readonly attributes?: unknown;
  readonly backends?: unknown;
}

/** A policy with canonical vendors and class names, or everything that was wrong at once. */
export type TierPolicyVerdict = { readonly policy: TierPolicy } | { readonly violations: readonly Violation[] };

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const KNOWN_FIELDS = new Set(['name', 'description', 'classes', 'attributes', 'backends']);
const LEGAL_VENDORS = `${VENDORS.join(', ')}, or s3 for every S3 profile not named`;

/**
 * Checks a tier policy. Vendors are those of `VENDORS`; `gcp` stands for `gcs`; `s3` stands for every S3 profile that is
 * not named and has the class (the others keep their default). Whether the backends exist is the caller's to check.
 */
export function validateTierPolicy(input: TierPolicyInput): TierPolicyVerdict {
  const violations: Violation[] = [];
  const note = (field: string, message: string): void => void violations.push({ field, message });
  for (const field of Object.keys(input)) if (!KNOWN_FIELDS.has(field)) note(field, 'unknown field');
  const policy: TierPolicy = {
    name: readName(input.name, note),
    description: readDescription(input.description, note),
    classes: readClasses(input.classes, note),
    attributes: readAttributes(input.attributes, note),
    backends: readBackends(input.backends, note),
  };
  return violations.length > 0 ? { violations } : { policy };
}

type Note = (field: string, message: string) => void;

function readName(value: unknown, note: Note): string {
  if (typeof value === 'string' && NAME.test(value)) return value;
  note('name', 'expected 1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit');
  return '';
}

function readDescription(value: unknown, note: Note): string {
  if (value === undefined) return '';
  if (typeof value === 'string' && value.length <= 1024) return value;
  note('description', 'expected text of at most 1024 characters');
  return '';
}

function readClasses(value: unknown, note: Note): Partial<Record<Vendor, string>> {
  const given = asRecord(value ?? {});
  if (!given) {
    note('classes', 'expected an object from vendor to storage class, as {"aws": "STANDARD_IA"}');
    return {};
  }
  const classes: Partial<Record<Vendor, string>> = {};
  for (const [key, name] of Object.entries(given)) {
    if (key !== 's3') readClass(key, name, classes, note);
  }
  if ('s3' in given) spreadOverProfiles(given['s3'], classes, note);
  return classes;
}

function readClass(key: string, name: unknown, into: Partial<Record<Vendor, string>>, note: Note): void {
  const vendor = vendorNamed(key);
  const found = vendor && typeof name === 'string' ? findStorageClass(vendor, name) : undefined;
  if (!vendor) note(`classes.${key}`, `unknown vendor "${key}"; expected one of ${LEGAL_VENDORS}`);
  else if (into[vendor] !== undefined) note(`classes.${key}`, `${vendor} is named twice`);
  else if (found) into[vendor] = found.name;
  else
    note(`classes.${key}`, `${quoted(name)} is no storage class of ${vendor}; expected one of ${legalClasses(vendor)}`);
}

function spreadOverProfiles(name: unknown, into: Partial<Record<Vendor, string>>, note: Note): void {
  const spelled = typeof name === 'string' ? name : '';
  // Own names only: a vendor's alias (OSS "Archive") must not decide for the other profiles.
  const having = S3_PROFILES.filter(
    (one) => findStorageClass(one, spelled)?.name.toLowerCase() === spelled.toLowerCase(),
  );
  if (having.length === 0) {
    const lists = S3_PROFILES.map((one) => `${one}: ${legalClasses(one)}`).join('; ');
    note('classes.s3', `${quoted(name)} is no storage class of any S3 profile; expected one of these: ${lists}`);
  }
  for (const profile of having) into[profile] ??= findStorageClass(profile, spelled)?.name ?? spelled;
}

function readAttributes(value: unknown, note: Note): Record<string, TierAttribute> {
  const given = asRecord(value ?? {});
  if (!given) {
    note('attributes', 'expected an object of texts, numbers and booleans');
    return {};
  }
  const attributes: [string, TierAttribute][] = [];
  for (const [key, one] of Object.entries(given)) {
    if (key === '') note('attributes', 'an attribute needs a name');
    else if (isAttribute(one)) attributes.push([key, one]);
    else note(`attributes.${key}`, `expected a text, a finite number or a boolean, not ${quoted(one)}`);
  }
  return Object.fromEntries(attributes);
}

function readBackends(value: unknown, note: Note): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    note('backends', 'expected a list of backend names, the preferred first');
    return [];
  }
  const backends: string[] = [];
  value.forEach((one: unknown, index) => {
    if (typeof one !== 'string' || one === '')
      note(`backends[${index}]`, `expected a backend name, not ${quoted(one)}`);
    else if (backends.includes(one)) note(`backends[${index}]`, `"${one}" is listed twice`);
    else backends.push(one);
  });
  return backends;
}

function vendorNamed(key: string): Vendor | undefined {
  return key === 'gcp' ? 'gcs' : VENDORS.find((vendor) => vendor === key);
}

function isAttribute(value: unknown): value is TierAttribute {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function quoted(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
