import { createCipheriv } from 'node:crypto';
import { CHUNK_BYTES, nonceOf } from './layout.js';

/** Size of a data key, in bytes. */
export const DATA_KEY_BYTES = 32;

function sealChunk(dataKey: Uint8Array, pieces: readonly Uint8Array[], chunk: number, isLast: boolean): Buffer {
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonceOf(chunk, isLast));
  const sealed = pieces.map((piece) => cipher.update(piece));
  return Buffer.concat([...sealed, cipher.final(), cipher.getAuthTag()]);
}

/** The sealed form of bytes that are all at hand. */
export function sealBytes(dataKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  const chunks: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.byteLength; at += CHUNK_BYTES) {
    const isLast = at + CHUNK_BYTES >= bytes.byteLength;
    chunks.push(sealChunk(dataKey, [bytes.subarray(at, at + CHUNK_BYTES)], chunks.length, isLast));
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/**
 * The sealed form of a stream whose chunks may be kept, one sealed chunk at a time. A full chunk waits for the next byte or for the end, which its nonce has to say: a source that fails before
 * its end therefore never leaves a whole object.
 */
export async function* sealStream(
  dataKey: Uint8Array,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  let pieces: Uint8Array[] = [];
  let held = 0;
  let chunk = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.byteLength;) {
      if (held === CHUNK_BYTES) {
        yield sealChunk(dataKey, pieces, chunk, false);
        pieces = [];
        held = 0;
        chunk += 1;
      }
      const part = piece.subarray(at, at + CHUNK_BYTES - held);
      pieces.push(part);
      held += part.byteLength;
      at += part.byteLength;
    }
  }
  yield sealChunk(dataKey, pieces, chunk, true);
}
