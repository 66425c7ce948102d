const UTF_8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A header value as the client meant it. Node gives the bytes as latin1 characters: where they are UTF-8 they are read as that, since that is what people type; else they stay latin1.
 * Metadata goes both ways so, as plain UTF-8: what was sent comes back byte for byte.
 */
export function fromWire(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value)) return value;
  try {
    return UTF_8.decode(Buffer.from(value, 'latin1'));
  } catch {
    // Not UTF-8: the bytes are what they are.
    return value;
  }
}

/**
 * A value as a header can carry it: UTF-8 bytes, written as latin1 characters for Node. A value with control characters, which no header can carry and no upload can bring, is
 * shown in the form of RFC 8187 (`UTF-8''` and percent-encoding).
 */
export function toWire(value: string): string {
  if (/^[\t\u0020-\u007e]*$/.test(value)) return value;
  if (/[^\t\u0020-\u007e\u0080-\uffff]/.test(value)) return `UTF-8''${encodeURIComponent(value)}`;
  return Buffer.from(value, 'utf8').toString('latin1');
}
