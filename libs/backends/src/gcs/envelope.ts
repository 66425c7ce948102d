import { randomBytes } from 'node:crypto';
import type { WritableFields } from './attributes.js';

/** What surrounds an object's bytes in a `multipart/related` upload (RFC 2387): its metadata before, the boundary after. */
export class Envelope {
  readonly contentType: string;
  readonly head: Buffer;
  readonly tail: Buffer;

  constructor(fields: WritableFields & { readonly crc32c?: string }) {
    // 144 random bits: no body holds them but by design, and none can know them.
    const boundary = `spumoni-${randomBytes(18).toString('hex')}`;
    const metadata = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(fields)}\r\n`;
    this.contentType = `multipart/related; boundary=${boundary}`;
    this.head = Buffer.from(`${metadata}--${boundary}\r\ncontent-type: ${fields.contentType}\r\n\r\n`);
    this.tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  }

  async *around(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield this.head;
    yield* bytes;
    yield this.tail;
  }
}
