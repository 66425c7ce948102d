import { createDecipheriv, type DecipherGCM } from 'node:crypto';
import { ObjectsError } from '../errors.js';
import { bytesOfChunk, lastChunkOf, nonceOf, TAG_BYTES, type ChunkSpan } from './layout.js';

/** What must be known to open sealed chunks. */
export interface Unsealing {
  readonly dataKey: Uint8Array;
  /** Plain bytes of the whole object, from its record: says which chunk is the last. */
  readonly size: number;
  readonly span: ChunkSpan;
}

/** The bytes at the backend are not those that were sealed. */
export function damaged(what: string, cause?: unknown): ObjectsError {
  return new ObjectsError('damaged', `the object's bytes at its backend are not those that were stored: ${what}`, {
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Opens chunk after chunk of what is fed to it. Nothing is let out before its chunk is whole and authentic. */
class ChunkOpener {
  #chunk: number;
  #decipher: DecipherGCM;
  #plain: Uint8Array[] = [];
  /** Sealed bytes of the chunk that are still to come, without the tag's. */
  #left: number;
  #tag = Buffer.alloc(TAG_BYTES);
  #tagged = 0;
  /** Chunks that are still to come, with the one under way. */
  #chunks: number;

  constructor(private readonly unsealing: Unsealing) {
    const { first, last } = unsealing.span;
    this.#chunk = first;
    this.#chunks = last - first + 1;
    this.#left = bytesOfChunk(unsealing.size, first);
    this.#decipher = this.#begin();
  }

  get isDone(): boolean {
    return this.#chunks === 0;
  }

  /** Every chunk that these bytes complete. Does not keep them. */
  *feed(bytes: Uint8Array): Generator<Uint8Array, undefined> {
    let at = 0;
    while (at < bytes.byteLength) {
      if (this.isDone) throw damaged('there are more than the object has');
      const body = bytes.subarray(at, at + this.#left);
      if (body.byteLength > 0) this.#plain.push(this.#decipher.update(body));
      this.#left -= body.byteLength;
      at += body.byteLength;
      const tag = bytes.subarray(at, at + (this.#left === 0 ? TAG_BYTES - this.#tagged : 0));
      this.#tag.set(tag, this.#tagged);
      this.#tagged += tag.byteLength;
      at += tag.byteLength;
      if (this.#tagged === TAG_BYTES) yield this.#complete();
    }
  }

  #begin(): DecipherGCM {
    const { dataKey, size } = this.unsealing;
    const isLast = this.#chunk === lastChunkOf(size);
    return createDecipheriv('aes-256-gcm', dataKey, nonceOf(this.#chunk, isLast), { authTagLength: TAG_BYTES });
  }

  #complete(): Uint8Array {
    try {
      this.#decipher.setAuthTag(this.#tag);
      this.#decipher.final();
    } catch (cause) {
      throw damaged(`chunk ${this.#chunk} is not authentic`, cause);
    }
    const [only, second] = this.#plain;
    const plain = only && !second ? only : Buffer.concat(this.#plain);
    this.#plain = [];
    this.#tagged = 0;
    this.#chunks -= 1;
    this.#chunk += 1;
    if (this.#chunks > 0) {
      this.#left = bytesOfChunk(this.unsealing.size, this.#chunk);
      this.#decipher = this.#begin();
    }
    return plain;
  }
}

/** The plain bytes of a span whose sealed chunks are all at hand; undefined where they are not all there. Fails with `damaged`. */
export function unsealBytes(unsealing: Unsealing, sealed: Uint8Array): Uint8Array | undefined {
  const opener = new ChunkOpener(unsealing);
  const [only, ...others] = opener.feed(sealed);
  if (!opener.isDone) return undefined;
  const plain = only && others.length === 0 ? only : Buffer.concat([...(only ? [only] : []), ...others]);
  const { skip, length } = unsealing.span;
  return plain.subarray(skip, skip + length);
}

/**
 * The plain bytes of a span of sealed chunks, exactly those of its range. Each chunk is let out whole and only once it is authentic.
 * Fails with `damaged` where it is not, and with `backend-unavailable`, as a cut stream, where the source ends early. A source that uses its buffers again is welcome.
 */
export async function* unsealStream(
  unsealing: Unsealing,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  const opener = new ChunkOpener(unsealing);
  let skip = unsealing.span.skip;
  let left = unsealing.span.length;
  for await (const bytes of source) {
    for (const chunk of opener.feed(bytes)) {
      const part = chunk.subarray(skip, skip + left);
      skip = 0;
      left -= part.byteLength;
      if (part.byteLength > 0) yield part;
    }
  }
  if (!opener.isDone)
    throw new ObjectsError('backend-unavailable', 'the backend ended the object early', { retryAfterSeconds: 1 });
}
