import type { KeyProfile } from './key-profiles.js';
import { KEY_PROFILES } from './key-profiles.js';
import type { Vendor } from './vendors.js';
import type { Violation } from './verdict.js';
import { shown } from './verdict.js';

/** Keys under this prefix are Spumoni's own in every container; users' keys never begin with it. */
export const RESERVED_KEY_PREFIX = '.spumoni/';

const MAX_KEY_BYTES = 1024;
const DESIGN = 'the design of Spumoni, section 5';

/**
 * What the product itself refuses in a key, at whatever vendor: it must have 1 to 1024 bytes of UTF-8, be well-formed
 * Unicode (no lone surrogates) and not begin with `.spumoni/`. Empty if the key is fine.
 */
export function validateObjectKey(key: string): Violation[] {
  const violations = malformed(key, DESIGN);
  const bytes = Buffer.byteLength(key, 'utf8');
  if (bytes > MAX_KEY_BYTES) {
    violations.push(
      violation('key-length', key, `has ${bytes} bytes of UTF-8; expected: at most ${MAX_KEY_BYTES}`, DESIGN),
    );
  }
  if (key.startsWith(RESERVED_KEY_PREFIX)) {
    const found = `begins with the reserved "${RESERVED_KEY_PREFIX}"; expected: any other beginning`;
    violations.push(violation('key-reserved-prefix', key, found, DESIGN));
  }
  return violations;
}

/** Why the vendor cannot hold this key as it is; empty if it can. Most such keys can be held escaped: see `encodeKey`. */
export function checkObjectKey(key: string, vendor: Vendor): Violation[] {
  const profile = KEY_PROFILES[vendor];
  const told = (rule: string, found: string): Violation => violation(rule, key, found, profile.source);
  const violations = malformed(key, profile.source);
  for (const { rule, breaks, found } of KEY_RULES) {
    if (breaks(key, profile)) violations.push(told(rule, found(key, profile)));
  }
  return violations;
}

/** The key's length in the unit in which the vendor counts. */
export function keyLength(key: string, profile: KeyProfile): number {
  return profile.lengthUnit === 'bytes' ? Buffer.byteLength(key, 'utf8') : key.length;
}

/** A violation that is about a key: the message names the key. */
export function violation(rule: string, key: string, found: string, source: string): Violation {
  return { rule, message: `The key ${shown(key)} ${found}.`, source };
}

interface KeyRule {
  readonly rule: string;
  readonly breaks: (key: string, profile: KeyProfile) => boolean;
  readonly found: (key: string, profile: KeyProfile) => string;
}

const KEY_RULES: readonly KeyRule[] = [
  {
    rule: 'key-length',
    breaks: (key, profile) => keyLength(key, profile) > profile.maxLength,
    found: (key, profile) =>
      `has ${keyLength(key, profile)} ${profile.lengthUnit}; expected: at most ${profile.maxLength}`,
  },
  {
    rule: 'key-characters',
    breaks: (key, profile) => refusedIn(key, profile).length > 0,
    found: (key, profile) => `holds ${refusedIn(key, profile).join(', ')}; expected: none of these`,
  },
  {
    rule: 'key-first-character',
    breaks: (key, { refusedFirst }) => refusedFirst?.test(key.slice(0, 1)) === true,
    found: (key) => `begins with ${shown(key.slice(0, 1))}; expected: any other beginning`,
  },
  {
    rule: 'key-dot-segment',
    breaks: (key, { noDotSegments }) =>
      noDotSegments === true && segments(key).some((segment) => segment === '.' || segment === '..'),
    found: () => 'has a segment "." or "..", which servers and clients resolve as in a path; expected: none',
  },
  {
    rule: 'key-trailing-period',
    breaks: (key, { noTrailingPeriods }) =>
      noTrailingPeriods === true && segments(key).some((segment) => segment.endsWith('.')),
    found: () => 'has a segment that ends in ".", which is cut off; expected: none',
  },
  {
    rule: 'key-trailing-slash',
    breaks: (key, { noTrailingSlash }) => noTrailingSlash === true && key.endsWith('/'),
    found: () => 'ends in "/", which is cut off; expected: another ending',
  },
  {
    rule: 'key-empty-segment',
    breaks: (key, { noEmptySegments }) => noEmptySegments === true && (key.startsWith('/') || key.includes('//')),
    found: () => 'has an empty segment; expected: no "/" at the beginning and no two in a row',
  },
  {
    rule: 'key-segment-length',
    breaks: (key, { maxSegmentBytes = Infinity }) => longestSegment(key) > maxSegmentBytes,
    found: (key, { maxSegmentBytes = Infinity }) =>
      `has a segment of ${longestSegment(key)} bytes; expected: at most ${maxSegmentBytes}`,
  },
  {
    rule: 'key-segments',
    breaks: (key, { maxSegments = Infinity }) => segments(key).length > maxSegments,
    found: (key, { maxSegments = Infinity }) =>
      `has ${segments(key).length} segments; expected: at most ${maxSegments}`,
  },
  {
    rule: 'key-reserved',
    breaks: (key, { refusedKeys = [] }) => refusedKeys.includes(key),
    found: () => 'cannot be the key of an object at this vendor; expected: another',
  },
  {
    rule: 'key-vendor-prefix',
    breaks: (key, { refusedPrefixes = [] }) => refusedPrefixes.some((prefix) => key.startsWith(prefix)),
    found: (_key, { refusedPrefixes = [] }) =>
      `begins with a prefix that the vendor keeps (${refusedPrefixes.join(', ')})`,
  },
];

function malformed(key: string, source: string): Violation[] {
  if (key === '') return [violation('key-empty', key, 'is empty; expected: at least one character', source)];
  if (key.isWellFormed()) return [];
  const found = 'holds half of a surrogate pair; expected: Unicode that can be written as UTF-8';
  return [violation('key-surrogate', key, found, source)];
}

function segments(key: string): string[] {
  return key.split('/');
}

function longestSegment(key: string): number {
  return Math.max(...segments(key).map((segment) => Buffer.byteLength(segment, 'utf8')));
}

function refusedIn(key: string, { refusedCharacters }: KeyProfile): string[] {
  if (refusedCharacters === undefined) return [];
  const refused = Array.from(key).filter((character) => refusedCharacters.test(character));
  return [...new Set(refused)].slice(0, 8).map(codePoint);
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
