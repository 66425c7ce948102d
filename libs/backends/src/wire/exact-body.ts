import { BackendError } from '../errors.js';
import { BodySourceError } from './failures.js';

/**
 * Passes an upload's chunks on and makes sure that they are exactly `size` bytes in all.
 * The last chunk is held back until the source has ended, so that a body that is too long never completes at the vendor as a cut one; a
 * body that is too short ends the connection before its announced length is reached. Both fail with `invalid`. A failing source: `BodySourceError`.
 */
export class ExactBody implements AsyncIterable<Uint8Array> {
  /** True while the source is asked for bytes: a silence is then not the vendor's. */
  waitingForSource = false;
  /** What ended the body early, kept because a socket's own error may hide it. */
  failure: Error | undefined;
  #stopped = false;
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #size: number | undefined;
  readonly #backend: string;

  constructor(backend: string, source: AsyncIterable<Uint8Array>, size: number | undefined) {
    this.#backend = backend;
    this.#source = source;
    this.#size = size;
  }

  /** The exchange is over: the source is not read on, and is told so at its next chunk. */
  stop(): void {
    this.#stopped = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const iterator = this.#source[Symbol.asyncIterator]();
    let held: Uint8Array | undefined;
    let total = 0;
    let ended = false;
    try {
      for (;;) {
        const step = await this.#next(iterator);
        ended = step.done === true;
        if (step.done) break;
        if (this.#stopped) throw new Error('the exchange ended before its upload');
        if (step.value.byteLength === 0) continue;
        total += step.value.byteLength;
        this.#checkNotOver(total);
        if (held) yield held;
        held = step.value;
      }
      this.#checkReached(total);
      if (held) yield held;
    } finally {
      if (!ended) await iterator.return?.();
    }
  }

  async #next(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    this.waitingForSource = true;
    try {
      return await iterator.next();
    } catch (error) {
      this.failure = new BodySourceError(error);
      throw this.failure;
    } finally {
      this.waitingForSource = false;
    }
  }

  #checkNotOver(total: number): void {
    if (this.#size !== undefined && total > this.#size)
      this.#refuse(`the body is longer than the ${this.#size} bytes announced`);
  }

  #checkReached(total: number): void {
    if (this.#size !== undefined && total < this.#size)
      this.#refuse(`the body ended after ${total} of the ${this.#size} bytes announced`);
  }

  #refuse(message: string): never {
    this.failure = new BackendError('invalid', message, { backend: this.#backend });
    throw this.failure;
  }
}
