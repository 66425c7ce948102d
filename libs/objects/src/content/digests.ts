import { createHash, hash } from 'node:crypto';
import { crc32, crc32c } from '@node-rs/crc32';
import { beginMd5, type StreamMd5 } from './stream-md5.js';

/** Checksums a client may send or ask for, by the names of the S3 API (`x-amz-checksum-*`). */
export const CHECKSUM_ALGORITHMS = ['crc32', 'crc32c', 'sha1', 'sha256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

interface Running {
  update(chunk: Uint8Array): void;
  /** Base64, as on the wire. */
  digest(): string;
}

/** MD5 and the wanted checksums of one stream of bytes. To be finished or abandoned, whatever happens to the stream. */
export class Digests {
  readonly #md5: StreamMd5 = beginMd5();
  readonly #checksums: ReadonlyMap<ChecksumAlgorithm, Running>;
  size = 0;

  constructor(algorithms: readonly ChecksumAlgorithm[]) {
    this.#checksums = runningFor(algorithms);
  }

  /** The chunk may be used again once this has returned, or what it answers has resolved. */
  update(chunk: Uint8Array): Promise<void> | undefined {
    this.size += chunk.byteLength;
    for (const checksum of this.#checksums.values()) checksum.update(chunk);
    return this.#md5.update(chunk);
  }

  /** Ends the computation. */
  async finish(): Promise<{ md5: Buffer; checksums: Record<string, string> }> {
    return { md5: await this.#md5.finish(), checksums: digestsOf(this.#checksums) };
  }

  /** To be called when the stream has ended in any way; does nothing after `finish`. */
  abandon(): void {
    this.#md5.abandon();
  }
}

/** MD5 of bytes that are all at hand; cheaper than a `Digests` for small objects. */
export function md5Of(bytes: Uint8Array): Buffer {
  return hash('md5', bytes, 'buffer');
}

/** Checksums, in base64, of bytes that are all at hand. */
export function checksumsOf(bytes: Uint8Array, algorithms: readonly ChecksumAlgorithm[]): Record<string, string> {
  const all = runningFor(algorithms);
  for (const checksum of all.values()) checksum.update(bytes);
  return digestsOf(all);
}

function runningFor(algorithms: readonly ChecksumAlgorithm[]): ReadonlyMap<ChecksumAlgorithm, Running> {
  return new Map(algorithms.map((name) => [name, running(name)]));
}

function digestsOf(all: ReadonlyMap<ChecksumAlgorithm, Running>): Record<string, string> {
  return Object.fromEntries([...all].map(([name, checksum]) => [name, checksum.digest()]));
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
