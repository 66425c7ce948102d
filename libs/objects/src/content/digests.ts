import { createHash, hash, type Hash } from 'node:crypto';
import { crc32, crc32c } from '@node-rs/crc32';

/** Checksums a client may send or ask for, by the names of the S3 API (`x-amz-checksum-*`). */
export const CHECKSUM_ALGORITHMS = ['crc32', 'crc32c', 'sha1', 'sha256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

interface Running {
  update(chunk: Uint8Array): void;
  /** Base64, as on the wire. */
  digest(): string;
}

/** MD5 and the wanted checksums of one stream of bytes. */
export class Digests {
  readonly #md5: Hash = createHash('md5');
  readonly #checksums: ReadonlyMap<ChecksumAlgorithm, Running>;
  size = 0;

  constructor(algorithms: readonly ChecksumAlgorithm[]) {
    this.#checksums = new Map(algorithms.map((name) => [name, running(name)]));
  }

  update(chunk: Uint8Array): void {
    this.size += chunk.byteLength;
    this.#md5.update(chunk);
    for (const checksum of this.#checksums.values()) checksum.update(chunk);
  }

  /** Ends the computation. */
  finish(): { md5: Buffer; checksums: Record<string, string> } {
    const checksums: Record<string, string> = {};
    for (const [name, checksum] of this.#checksums) checksums[name] = checksum.digest();
    return { md5: this.#md5.digest(), checksums };
  }
}

/** MD5 of bytes that are all at hand; cheaper than a `Digests` for small objects. */
export function md5Of(bytes: Uint8Array): Buffer {
  return hash('md5', bytes, 'buffer');
}

function running(name: ChecksumAlgorithm): Running {
  if (name === 'sha1' || name === 'sha256') {
    const state = createHash(name);
    return { update: (chunk) => void state.update(chunk), digest: () => state.digest('base64') };
  }
  const step = name === 'crc32' ? crc32 : crc32c;
  let value = 0;
  return {
    update: (chunk) => {
      value = step(asBuffer(chunk), value);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value >>> 0);
      return bytes.toString('base64');
    },
  };
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
