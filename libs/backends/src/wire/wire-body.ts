import { BackendError } from '../errors.js';

/** What a body needs of its transfer. */
export interface Transfer {
  readonly backend: string;
  pause(): void;
  resume(): void;
  /** Ends the transfer and frees its connection. */
  cancel(): void;
}

/** Bytes that may wait unread before the vendor is asked to stop sending. */
const HIGH_WATER_BYTES = 512 * 1024;
/** An unwanted answer up to this size is read to its end, which keeps the connection for the next call. */
const DRAIN_BYTES = 64 * 1024;

interface Waiting {
  resolve(result: IteratorResult<Uint8Array, undefined>): void;
  reject(error: Error): void;
}

/**
 * The body of an answer, to be consumed once: iterated, collected or discarded.
 * Iterating applies back-pressure to the vendor; ending an iteration early aborts the transfer and frees its connection. A cut stream throws
 * `unavailable`, a silent one `timeout`: a body never just ends short of its content-length. Chunks are the receiver's to keep.
 */
export class WireBody implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #transfer: Transfer;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Chunks that came so far. */
  #pushed = 0;
  #drained = 0;
  #paused = false;
  #ended = false;
  #discarded = false;
  #failure: Error | undefined;
  #waiting: Waiting | undefined;

  constructor(transfer: Transfer) {
    this.#transfer = transfer;
  }

  /** True while bytes wait for the reader: a silence is then not the vendor's. */
  get waitingForReader(): boolean {
    return this.#queuedBytes > 0;
  }

  /** The whole body, where all of it came along with the head, in one piece, and nobody has read of it: it can still be read. Small ones mostly do; each wrapper that follows a stream costs one. */
  get whole(): Uint8Array | undefined {
    return this.#ended && this.#queue.length === this.#pushed && this.#pushed === 1 ? this.#queue[0] : undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const chunk = this.#queue.shift();
    if (chunk) {
      this.#queuedBytes -= chunk.byteLength;
      this.#resumeIfDrained();
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#ended || this.#discarded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The whole body, at most `limit` bytes. Longer is `unavailable`: no answer that is collected has a reason to be. */
  async collect(limit: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let total = 0;
    for await (const chunk of this) {
      total += chunk.byteLength;
      if (total > limit)
        throw new BackendError('unavailable', `an answer is longer than ${limit} bytes`, {
          backend: this.#transfer.backend,
        });
      chunks.push(chunk);
    }
    const only = chunks[0];
    return chunks.length === 1 && only ? only : Buffer.concat(chunks, total);
  }

  /** Gives up the rest: a short one is read away and the connection kept, a long one aborted. May be called at any time, more than once. */
  discard(): void {
    if (this.#discarded || this.#ended || this.#failure) return;
    this.#discarded = true;
    this.#drained = this.#queuedBytes;
    this.#empty();
    if (this.#drained > DRAIN_BYTES) this.#transfer.cancel();
    else this.#resumeIfDrained();
  }

  /** For the transfer: a chunk arrived. */
  push(chunk: Uint8Array): void {
    this.#pushed += 1;
    if (this.#discarded) {
      this.#drained += chunk.byteLength;
      if (this.#drained > DRAIN_BYTES) this.#transfer.cancel();
      return;
    }
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: chunk });
      return;
    }
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.byteLength;
    if (!this.#paused && this.#queuedBytes >= HIGH_WATER_BYTES) {
      this.#paused = true;
      this.#transfer.pause();
    }
  }

  /** For the transfer: the answer is complete. */
  end(): void {
    this.#ended = true;
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  /** For the transfer: no more will come. What already arrived is still handed out before the error. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  #stop(): void {
    const complete = this.#ended || this.#failure !== undefined;
    this.#empty();
    this.#discarded = true;
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
    if (!complete) this.#transfer.cancel();
  }

  #empty(): void {
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  #resumeIfDrained(): void {
    if (!this.#paused || this.#queuedBytes > HIGH_WATER_BYTES / 2) return;
    this.#paused = false;
    this.#transfer.resume();
  }
}

/** A body whose bytes are all here: of an answer that was read, and is handed on. */
export function heldBody(bytes: Uint8Array): WireBody {
  const still = (): void => undefined;
  const body = new WireBody({ backend: '', pause: still, resume: still, cancel: still });
  if (bytes.byteLength > 0) body.push(bytes);
  body.end();
  return body;
}
