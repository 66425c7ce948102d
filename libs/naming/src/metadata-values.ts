import { percentDecode, percentEncode } from './percent.js';
import type { Vendor } from './vendors.js';

/** The beginning of an extended value (RFC 8187, section 3.2.1), with an empty language. */
const MARKER = "UTF-8''";
/** What stands for itself in an extended value. */
const ATTRIBUTE_CHARACTER = /^[A-Za-z0-9!#$&+\-.^_`|~]$/;

/**
 * The value as a header can carry it unchanged to any server and back. Printable ASCII is left alone, unless something
 * on the way could change it: blanks at an end or in a row, what looks like this encoding or like RFC 2047's (which AWS
 * decodes before it stores), and at Azure an empty value. Such values become RFC 8187's `UTF-8''` and percent-encoding.
 * The `filesystem` vendor has no headers and keeps every value. Takes well-formed Unicode.
 */
export function encodeMetadataValue(value: string, vendor: Vendor): string {
  if (vendor === 'filesystem' || isSafe(value, vendor)) return value;
  return (
    MARKER +
    Array.from(value)
      .map((c) => (ATTRIBUTE_CHARACTER.test(c) ? c : percentEncode(c)))
      .join('')
  );
}

/** The inverse; a value that is not of that encoding comes out as it is. */
export function decodeMetadataValue(encoded: string, vendor: Vendor): string {
  if (vendor === 'filesystem' || !encoded.startsWith(MARKER)) return encoded;
  return percentDecode(encoded.slice(MARKER.length)) ?? encoded;
}

function isSafe(value: string, vendor: Vendor): boolean {
  if (value === '') return vendor !== 'azure';
  const printable = /^[!-~]+( [!-~]+)*$/.test(value);
  return printable && !value.startsWith(MARKER) && !value.includes('=?');
}
