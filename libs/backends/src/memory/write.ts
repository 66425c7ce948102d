import { BackendError } from '../errors.js';
import type { Call, PutRequest } from '../object-backend.js';
import { assertWanted, bodyFailure } from './errors.js';

function wrongSize(backend: string, size: number, expected: number): BackendError {
  const more = size > expected ? 'more than ' : '';
  return new BackendError(
    'invalid',
    `the body has ${more}${Math.min(size, expected)} bytes, announced were ${expected}`,
    {
      backend,
    },
  );
}

async function* chunksOf(body: PutRequest['body']): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

/** Reads a body to its end. `invalid` as soon as it is longer than announced, or ends shorter, or throws; the body is then closed. */
export async function collectBody(backend: string, call: Call, request: PutRequest): Promise<Buffer> {
  const { size: expected = Infinity } = request;
  const chunks: Buffer[] = [];
  let size = 0;
  assertWanted(backend, call);
  try {
    for await (const chunk of chunksOf(request.body)) {
      assertWanted(backend, call);
      size += chunk.length;
      if (size > expected) throw wrongSize(backend, size, expected);
      chunks.push(Buffer.from(chunk));
    }
  } catch (error) {
    throw bodyFailure(backend, error);
  }
  assertWanted(backend, call);
  if (expected !== Infinity && size < expected) throw wrongSize(backend, size, expected);
  return Buffer.concat(chunks);
}
