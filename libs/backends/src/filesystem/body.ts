import type { Call, ObjectBody } from '../object-backend.js';
import { assertWanted, bodyFailure, wrongSize } from './errors.js';

type Chunks = AsyncIterator<Uint8Array, unknown>;
type Next = IteratorResult<Uint8Array, unknown>;

/** The next chunks of a body, or a failure as soon as the caller gives up: a body that hangs must not hold its writer. */
class AwaitedChunks {
  #reject: ((error: Error) => void) | undefined;

  constructor(
    private readonly backend: string,
    private readonly call: Call,
    private readonly iterator: Chunks,
  ) {
    call.signal?.addEventListener('abort', this.#giveUp);
  }

  /** One listener for the whole body, not one a chunk: that was two thirds of what this costs a chunk. */
  readonly #giveUp = (): void => {
    try {
      assertWanted(this.backend, this.call);
    } catch (error) {
      this.#reject?.(error instanceof Error ? error : new Error('the caller gave up', { cause: error }));
    }
  };

  next(): Promise<Next> {
    if (this.call.signal === undefined) return this.iterator.next();
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.iterator.next().then(resolve, reject);
    });
  }

  /** To be called when no more is asked for. */
  close(): void {
    this.call.signal?.removeEventListener('abort', this.#giveUp);
  }
}

async function* alone(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(body);
}

/** Tells a body that no more of it is wanted. Not awaited: a generator that hangs answers never, and the write has failed already. */
function closeBody(iterator: AsyncIterator<Uint8Array, unknown>): void {
  iterator.return?.().catch(() => undefined);
}

async function* streamed(
  backend: string,
  call: Call,
  body: AsyncIterable<Uint8Array>,
  expected: number,
): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  const chunks = new AwaitedChunks(backend, call, iterator);
  let size = 0;
  let ended = false;
  try {
    // The listener hears of nothing that came before it.
    assertWanted(backend, call);
    for (;;) {
      const { done, value } = await chunks.next();
      ended = done === true;
      if (done === true) break;
      size += value.length;
      if (size > expected) throw wrongSize(backend, expected, true);
      yield value;
      assertWanted(backend, call);
    }
  } catch (error) {
    throw bodyFailure(backend, error);
  } finally {
    chunks.close();
    if (!ended) closeBody(iterator);
  }
  if (expected !== Infinity && size < expected) throw wrongSize(backend, expected, false);
  assertWanted(backend, call);
}

/**
 * The chunks of a body, held against the announced size. Fails with `invalid` as soon as the body is longer, ends shorter or throws (its error is the
 * cause), and with `timeout` once the caller has given up. A body that is not read to its end is closed.
 */
export function chunksOfBody(
  backend: string,
  call: Call,
  body: ObjectBody,
  expected = Infinity,
): AsyncGenerator<Uint8Array> {
  assertWanted(backend, call);
  return streamed(backend, call, body instanceof Uint8Array ? alone(body) : body, expected);
}
