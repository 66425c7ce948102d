import { crc32c } from '@node-rs/crc32';

/** The CRC32C of bytes as they pass (RFC 3720 appendix B.4), in GCS's form: base64 of four bytes, the highest first. */
export class Crc32c {
  #value = 0;

  update(chunk: Uint8Array): void {
    this.#value = crc32c(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), this.#value);
  }

  get base64(): string {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#value >>> 0);
    return bytes.toString('base64');
  }
}
