import { createHash } from 'node:crypto';
import { limitsOf } from '#libs/naming';
import type { VendorLimits } from '#libs/naming';
import { BackendError } from '../errors.js';
import { BodySourceError } from '../wire/index.js';
import type { AwsConfig } from './config.js';

/** Bytes of one part, held in memory, and their MD5. */
export interface HeldPart {
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
  readonly md5: Buffer;
  /** The source has ended with this part. */
  readonly last: boolean;
}

const MIB = 1024 * 1024;
/** Growing parts stop growing here, because two of them lie in memory: 10,000 parts then hold 2.4 TiB. */
const LARGEST_GROWN_PART = 512 * MIB;
const GROW_EVERY = 1000;

/** The size of part `number` (from 1) of an upload of unknown length: double every thousand parts, where parts may differ in size. */
export function partBytesAt(number: number, first: number, limits: VendorLimits): number {
  const base = Math.max(first, limits.minPartBytes);
  if (limits.equalParts) return base;
  const grown = base * 2 ** Math.floor((number - 1) / GROW_EVERY);
  return Math.max(base, Math.min(grown, LARGEST_GROWN_PART));
}

/** The size of the parts of an upload of known length: as few as the vendor's count of parts allows, in whole MiB. */
export function partBytesFor(size: number, config: AwsConfig): number {
  const { maxParts, minPartBytes } = limitsOf(config.vendor);
  const needed = Math.ceil(size / maxParts / MIB) * MIB;
  // In the biggest requests allowed a failing part would cost most; 64 MiB at least keeps their number small.
  return Math.min(Math.max(needed, minPartBytes, 64 * MIB), Math.max(config.singleRequestBytes, needed));
}

/** Takes a body apart into pieces of asked sizes, reading no further than needed. Its source's errors are `BodySourceError`s. */
export class PartReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array | undefined;
  #ended = false;

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#iterator = body[Symbol.asyncIterator]();
  }

  /** At most `size` bytes, held. Fewer mean the end; so does `last`. */
  async hold(size: number): Promise<HeldPart> {
    const chunks: Uint8Array[] = [];
    const hash = createHash('md5');
    let total = 0;
    for await (const chunk of this.stream(size)) {
      chunks.push(chunk);
      hash.update(chunk);
      total += chunk.byteLength;
    }
    return { chunks, size: total, md5: hash.digest(), last: await this.hasEnded() };
  }

  /** At most `size` bytes, one chunk after another. */
  async *stream(size: number): AsyncGenerator<Uint8Array, void, undefined> {
    let wanted = size;
    while (wanted > 0) {
      const chunk = await this.#next();
      if (!chunk) return;
      if (chunk.byteLength > wanted) this.#rest = chunk.subarray(wanted);
      const taken = chunk.byteLength > wanted ? chunk.subarray(0, wanted) : chunk;
      wanted -= taken.byteLength;
      yield taken;
    }
  }

  /** Whether nothing is left. Reads on until a byte is there or the source has ended. */
  async hasEnded(): Promise<boolean> {
    this.#rest ??= await this.#next();
    return this.#rest === undefined;
  }

  /** Tells the source that it is not read on. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#iterator.return?.();
    this.#ended = true;
  }

  async #next(): Promise<Uint8Array | undefined> {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest) return rest;
    while (!this.#ended) {
      const step = await this.#pull();
      if (step.done) this.#ended = true;
      else if (step.value.byteLength > 0) return step.value;
    }
    return undefined;
  }

  async #pull(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#iterator.next();
    } catch (error) {
      this.#ended = true;
      throw new BodySourceError(error);
    }
  }
}

/** The largest object that can really be written: some services hold more than their parts add up to. */
export function largestObjectBytes(config: AwsConfig): number {
  const { maxObjectBytes, maxParts, maxPartBytes } = limitsOf(config.vendor);
  return Math.min(maxObjectBytes, Math.max(config.singleRequestBytes, maxParts * maxPartBytes));
}

/** Refuses a body whose length is known to be beyond the vendor's limit, before anything is sent. */
export function checkObjectSize(config: AwsConfig, size: number): void {
  const largest = largestObjectBytes(config);
  if (size <= largest) return;
  const message = `an object of ${size} bytes is more than the ${largest} that ${config.vendor} takes`;
  throw new BackendError('invalid', message, { backend: config.name });
}
