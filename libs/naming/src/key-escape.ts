import type { KeyProfile } from './key-profiles.js';
import { KEY_PROFILES } from './key-profiles.js';
import { checkObjectKey, RESERVED_KEY_PREFIX, violation } from './object-keys.js';
import { percentDecode, percentEncode } from './percent.js';
import type { Vendor } from './vendors.js';
import type { Violation } from './verdict.js';
import { shown } from './verdict.js';

/** Where keys that a vendor cannot hold as they are lie in its container. */
export const ESCAPED_KEY_PREFIX = `${RESERVED_KEY_PREFIX}e/`;

/** A percent sign before a slash: a break that only keeps a segment short, and is no part of the key. */
const SOFT_BREAK = '%/';
/** The segments of the prefix itself. */
const PREFIX_SEGMENTS = 2;
const DESIGN = 'the design of Spumoni, section 5';

/** Where a key lies at a vendor: under itself, under an escape (`escaped`), or nowhere, and why. */
export type EncodedKey =
  | { readonly ok: true; readonly key: string; readonly escaped: boolean }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** A key below the escape prefix that `encodeKey` cannot have made: somebody else wrote it. */
export class MalformedEscapeError extends Error {
  override readonly name = 'MalformedEscapeError';
}

/**
 * The key under which the vendor can hold this one. A key that the vendor takes is left alone; another becomes
 * `.spumoni/e/` and its percent-encoding (RFC 3986, upper-case hex), in which only `%` and what the vendor refuses is
 * encoded. No two keys share a result, and `decodeKey` returns the key. Escaped keys do not sort as their originals do.
 */
export function encodeKey(key: string, vendor: Vendor): EncodedKey {
  if (key.startsWith(ESCAPED_KEY_PREFIX)) {
    const found = `begins with "${ESCAPED_KEY_PREFIX}", as only escaped keys do; expected: a key that is not escaped yet`;
    return { ok: false, violations: [violation('key-reserved-prefix', key, found, DESIGN)] };
  }
  const native = checkObjectKey(key, vendor);
  if (native.length === 0) return { ok: true, key, escaped: false };
  if (key === '' || !key.isWellFormed()) return { ok: false, violations: native };
  const escape = `${ESCAPED_KEY_PREFIX}${escaped(key, KEY_PROFILES[vendor])}`;
  const violations = checkObjectKey(escape, vendor).map((left) => ({
    ...left,
    message: `The key ${shown(key)} must be escaped here, and still: ${left.message}`,
  }));
  return violations.length === 0 ? { ok: true, key: escape, escaped: true } : { ok: false, violations };
}

/** Whether a vendor's key is one that `encodeKey` escaped. */
export function isEscapedKey(backendKey: string): boolean {
  return backendKey.startsWith(ESCAPED_KEY_PREFIX);
}

/** The key that `encodeKey` was given, for any vendor. Throws `MalformedEscapeError` on an escape that is none of ours. */
export function decodeKey(backendKey: string): string {
  if (!isEscapedKey(backendKey)) return backendKey;
  const key = percentDecode(backendKey.slice(ESCAPED_KEY_PREFIX.length).replaceAll(SOFT_BREAK, ''));
  if (key === undefined || key === '') {
    const expected = 'expected: percent-encoded UTF-8 after the prefix';
    throw new MalformedEscapeError(`The key ${shown(backendKey)} is no escape of Spumoni's; ${expected}.`);
  }
  return key;
}

/** A key as tokens, each one character or its percent-encoding, so that nothing later cuts through either. */
function escaped(key: string, profile: KeyProfile): string {
  const tokens = Array.from(key).map((character, index) => {
    const refused = profile.refusedCharacters?.test(character) === true;
    const refusedHere = index === 0 && profile.refusedFirst?.test(character) === true;
    return character === '%' || refused || refusedHere ? percentEncode(character) : character;
  });
  return split(withSlashesEncoded(tokens, profile))
    .map((segment) => storable(segment, profile))
    .join('/');
}

/** Encodes the slashes that may not stand where they do, and those past the most segments that the vendor takes. */
function withSlashesEncoded(tokens: readonly string[], profile: KeyProfile): string[] {
  const mostSlashes = (profile.maxSegments ?? Infinity) - PREFIX_SEGMENTS - 1;
  const last = tokens.length - 1;
  let slashes = 0;
  let afterSlash = true;
  return tokens.map((token, index) => {
    const isSlash = token === '/';
    const refused =
      slashes >= mostSlashes ||
      (profile.noEmptySegments === true && afterSlash) ||
      (profile.noTrailingSlash === true && index === last);
    afterSlash = isSlash && !refused;
    if (afterSlash) slashes += 1;
    return isSlash && refused ? percentEncode(token) : token;
  });
}

function split(tokens: readonly string[]): string[][] {
  const segments: string[][] = [[]];
  for (const token of tokens) {
    if (token === '/') segments.push([]);
    else segments.at(-1)?.push(token);
  }
  return segments;
}

/** One segment, with soft breaks where it is too long; what they leave must not end as the vendor refuses either. */
function storable(segment: readonly string[], profile: KeyProfile): string {
  return pieces(segment, (profile.maxSegmentBytes ?? Infinity) - 1)
    .map((piece) => withPeriodsEncoded(piece, profile))
    .join(SOFT_BREAK);
}

function withPeriodsEncoded(piece: readonly string[], profile: KeyProfile): string {
  const text = piece.join('');
  if (profile.noDotSegments === true && (text === '.' || text === '..')) return text.replaceAll('.', '%2E');
  if (profile.noTrailingPeriods === true && text.endsWith('.')) return `${text.slice(0, -1)}%2E`;
  return text;
}

function pieces(segment: readonly string[], maxBytes: number): string[][] {
  const result: string[][] = [[]];
  let bytes = 0;
  for (const token of segment) {
    const size = Buffer.byteLength(token, 'utf8');
    if (bytes + size > maxBytes) {
      result.push([]);
      bytes = 0;
    }
    result.at(-1)?.push(token);
    bytes += size;
  }
  return result;
}
