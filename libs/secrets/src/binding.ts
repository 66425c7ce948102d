import { EnvelopeError } from './errors.js';

/** What a sealed text is bound to, as bytes. Lengths go before the parts, so that no two bindings have the same bytes. */
export function bindingOf(parts: readonly string[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const bytes = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** Strict base64url: exactly one text for each byte string, so that a changed character is always seen. `what` begins the complaint. */
export function decodeStrictly(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw new EnvelopeError(`${what} not base64url`);
  return bytes;
}
