import { BackendError } from '../errors.js';
import type { Call, ObjectBody } from '../object-backend.js';
import { abortFailure, BodySourceError, wireFailure } from '../wire/failures.js';

/** The bytes of one block, as the chunks they came in. */
export interface Block {
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
}

/**
 * Cuts a body into blocks. Holds one block at a time; copies no byte. Fails with `invalid` where the body throws (its error in the chain of
 * causes), with `timeout` once the caller gives up, even while the body is silent.
 */
export class BlockReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #aborted: Promise<never>;
  #rest: Uint8Array | undefined;
  #pending = false;
  #ended = false;
  #stopListening: () => void = () => undefined;

  constructor(
    private readonly backend: string,
    body: ObjectBody,
    private readonly call: Call,
  ) {
    const source = body instanceof Uint8Array ? single(body) : body;
    this.#iterator = source[Symbol.asyncIterator]();
    this.#aborted = new Promise((_, reject) => {
      const onAbort = (): void => reject(abortFailure(backend, call.signal?.reason));
      call.signal?.addEventListener('abort', onAbort);
      this.#stopListening = () => call.signal?.removeEventListener('abort', onAbort);
      if (call.signal?.aborted) onAbort();
    });
    // It may be rejected while nobody asks for a block; whoever asks next hears of it.
    this.#aborted.catch(() => undefined);
  }

  /** True once the body has given its last byte. */
  get ended(): boolean {
    return this.#ended && this.#rest === undefined;
  }

  /** The next block: `size` bytes, or what was left of the body. */
  async next(size: number): Promise<Block> {
    const chunks: Uint8Array[] = [];
    let held = 0;
    while (held < size) {
      const chunk = this.#rest ?? (await this.#pull());
      this.#rest = undefined;
      if (chunk === undefined) break;
      const taken = chunk.subarray(0, size - held);
      if (taken.byteLength < chunk.byteLength) this.#rest = chunk.subarray(taken.byteLength);
      chunks.push(taken);
      held += taken.byteLength;
    }
    // Whether there is more decides what becomes of these bytes, so it must be known now.
    if (!this.#ended && this.#rest === undefined) this.#rest = await this.#pull();
    return { chunks, size: held };
  }

  /** Tells the body that it is not wanted further. Waits for it unless it is silent: then it hears of it when it speaks again. */
  async close(): Promise<void> {
    this.#stopListening();
    if (this.#ended) return;
    this.#ended = true;
    const closing = this.#iterator.return?.();
    if (this.#pending) closing?.catch(() => undefined);
    else await closing;
  }

  async #pull(): Promise<Uint8Array | undefined> {
    for (;;) {
      const step = await this.#step();
      if (step.done === true) {
        this.#ended = true;
        return undefined;
      }
      if (step.value.byteLength > 0) return step.value;
    }
  }

  async #step(): Promise<IteratorResult<Uint8Array>> {
    if (this.call.signal?.aborted) throw abortFailure(this.backend, this.call.signal.reason);
    this.#pending = true;
    const step = this.#iterator.next().then(
      (result) => {
        this.#pending = false;
        return result;
      },
      (error: unknown) => {
        this.#pending = false;
        this.#ended = true;
        throw wireFailure(this.backend, new BodySourceError(error));
      },
    );
    return await Promise.race([step, this.#aborted]);
  }
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
  await Promise.resolve();
}

/** The body of one block as the wire takes it. */
export async function* chunksOf({ chunks }: Block): AsyncGenerator<Uint8Array> {
  yield* chunks;
  await Promise.resolve();
}

/** A body that is not as long as was announced. */
export function wrongLength(backend: string, real: number, announced: number): BackendError {
  const more = real > announced ? 'more than ' : '';
  const message = `the body has ${more}${Math.min(real, announced)} bytes, announced were ${announced}`;
  return new BackendError('invalid', message, { backend });
}
