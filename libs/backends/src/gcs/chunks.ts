import type { Call } from '../object-backend.js';
import { BodySourceError } from '../wire/index.js';
import { unlessAborted } from '../wire/unless-aborted.js';

/** Bytes held in memory, to be sent in one request and perhaps once more. */
export interface HeldChunk {
  readonly pieces: readonly Uint8Array[];
  readonly size: number;
  /** The source has ended with this chunk. */
  readonly last: boolean;
}

/** The bytes of a chunk from an offset on. */
export function* piecesFrom({ pieces }: HeldChunk, offset: number): Generator<Uint8Array> {
  let skip = offset;
  for (const piece of pieces) {
    if (piece.byteLength > skip) yield skip > 0 ? piece.subarray(skip) : piece;
    skip = Math.max(0, skip - piece.byteLength);
  }
}

/** Cuts a stream into chunks, reading one piece further than it gives, to know the last. The source's errors are `BodySourceError`s. */
export class ChunkReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #call: Call;
  readonly #backend: string;
  #rest: Uint8Array | undefined;
  #state: 'idle' | 'pulling' | 'ended' = 'idle';

  constructor(body: AsyncIterable<Uint8Array>, call: Call, backend: string) {
    this.#iterator = body[Symbol.asyncIterator]();
    this.#call = call;
    this.#backend = backend;
  }

  /** Exactly `size` bytes, or fewer and `last`. */
  async take(size: number): Promise<HeldChunk> {
    const pieces: Uint8Array[] = [];
    let total = 0;
    while (total < size) {
      const piece = await this.#next();
      if (!piece) break;
      const taken = piece.subarray(0, size - total);
      if (taken.byteLength < piece.byteLength) this.#rest = piece.subarray(taken.byteLength);
      pieces.push(taken);
      total += taken.byteLength;
    }
    this.#rest ??= await this.#next();
    return { pieces, size: total, last: this.#rest === undefined };
  }

  /** Tells the source that it is not read on; waits for it unless it hangs in a read. */
  async close(): Promise<void> {
    if (this.#state === 'ended') return;
    const closed = Promise.resolve(this.#iterator.return?.());
    if (this.#state === 'idle') await closed;
    // The call has already failed by being given up: what the source throws at its end has no one to tell.
    else closed.catch(() => undefined);
  }

  async #next(): Promise<Uint8Array | undefined> {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest) return rest;
    while (this.#state !== 'ended') {
      const step = await this.#pull();
      if (step.done) this.#state = 'ended';
      else if (step.value.byteLength > 0) return step.value;
    }
    return undefined;
  }

  async #pull(): Promise<IteratorResult<Uint8Array>> {
    this.#state = 'pulling';
    const step = this.#iterator.next().then(
      (result) => {
        this.#state = 'idle';
        return result;
      },
      (error: unknown) => {
        this.#state = 'ended';
        throw new BodySourceError(error);
      },
    );
    return await unlessAborted(step, this.#call, this.#backend);
  }
}
