import { isUtf8 } from 'node:buffer';

/** Every byte of the text's UTF-8 as `%` and two upper-case hex digits (RFC 3986, section 2.1). */
export function percentEncode(text: string): string {
  return [...Buffer.from(text, 'utf8')].map((byte) => `%${hex(byte)}`).join('');
}

/** The inverse, which leaves characters that are not encoded alone; undefined on bad digits or bytes that are not UTF-8. */
export function percentDecode(text: string): string | undefined {
  if (/%(?![0-9A-F]{2})/.test(text) || !text.isWellFormed()) return undefined;
  const bytes = text
    .split(/(%[0-9A-F]{2})/)
    .map((part, index) => (index % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part, 'utf8')));
  const decoded = Buffer.concat(bytes);
  return isUtf8(decoded) ? decoded.toString('utf8') : undefined;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
