import type { Call, ObjectBody } from '../object-backend.js';
import { assertWanted, bodyFailure, wrongSize } from './errors.js';

type Next = IteratorResult<Uint8Array, unknown>;

/** The next chunk, or a failure as soon as the caller gives up: a body that hangs must not hold its writer. */
function nextChunk(backend: string, call: Call, iterator: AsyncIterator<Uint8Array, unknown>): Promise<Next> {
  const { signal } = call;
  if (signal === undefined) return iterator.next();
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      try {
        assertWanted(backend, call);
      } catch (error) {
        reject(error instanceof Error ? error : new Error('the caller gave up', { cause: error }));
      }
    };
    signal.addEventListener('abort', giveUp, { once: true });
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', giveUp));
  });
}

/** Tells a body that no more of it is wanted. Not awaited: a generator that hangs answers never, and the write has failed already. */
function closeBody(iterator: AsyncIterator<Uint8Array, unknown>): void {
  iterator.return?.().catch(() => undefined);
}

async function* streamed(backend: string, call: Call, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await nextChunk(backend, call, iterator);
      ended = done === true;
      if (done === true) return;
      yield value;
      assertWanted(backend, call);
    }
  } catch (error) {
    throw bodyFailure(backend, error);
  } finally {
    if (!ended) closeBody(iterator);
  }
}

/**
 * The chunks of a body, held against the announced size. Fails with `invalid` as soon as the body is longer, ends shorter or throws (its error is the
 * cause), and with `timeout` once the caller has given up. A body that is not read to its end is closed.
 */
export async function* chunksOfBody(
  backend: string,
  call: Call,
  body: ObjectBody,
  expected = Infinity,
): AsyncGenerator<Uint8Array> {
  assertWanted(backend, call);
  let size = 0;
  for await (const chunk of body instanceof Uint8Array ? [body] : streamed(backend, call, body)) {
    size += chunk.length;
    if (size > expected) throw wrongSize(backend, expected, true);
    yield chunk;
  }
  if (expected !== Infinity && size < expected) throw wrongSize(backend, expected, false);
  assertWanted(backend, call);
}
