import type { ByteRange, Call } from '../object-backend.js';
import { assertWanted } from '../filesystem/errors.js';

const CHUNK = 64 * 1024;

/** The bytes of a range in chunks, each a copy: nobody can change what is stored. Throws once the caller has given up. */
export async function* chunksOf(
  backend: string,
  call: Call,
  bytes: Buffer,
  range: ByteRange | undefined,
): AsyncGenerator<Uint8Array> {
  const end = range === undefined ? bytes.length : range.end + 1;
  for (let at = range?.start ?? 0; at < end; at += CHUNK) {
    assertWanted(backend, call);
    yield Uint8Array.from(bytes.subarray(at, Math.min(at + CHUNK, end)));
    await Promise.resolve();
  }
  assertWanted(backend, call);
}
