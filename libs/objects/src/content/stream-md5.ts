import { createHash } from 'node:crypto';
import type { ObjectsError } from '../errors.js';
import type { Md5Lane } from './md5-thread.js';
import { Md5Threads, type Md5Source } from './md5-threads.js';

/** Bytes that are handed to a thread at once, which each time takes both threads some work; also the least that is worth handing over. A multiple of MD5's own 64. */
const BLOCK_BYTES = 512 * 1024;
/** Blocks that one body may hold. */
const MOST_BLOCKS = 4;
/** With so many waiting it waits no more for others to be ready: the rest is for what comes while these are hashed. */
const URGENT_BLOCKS = 2;
/** A block has room for the padding that ends a body (RFC 1321, section 3.1): up to 63 bytes, a one bit and the length. */
const PADDING_BYTES = 128;

const INITIAL_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];

/**
 * MD5 of a body as it streams by, on another thread: MD5 takes 1.25 s of CPU a GB, which would be most of what an upload costs the thread that serves everybody, and a third of that where four bodies stream at once.
 * A body that ends within its first 512 KiB is hashed at once, where it is. A slow body holds nobody up: each has memory of its own, 2 MiB at most.
 */
export interface StreamMd5 {
  /** Takes a copy of the chunk. Waits when the thread is behind. Fails with `busy` if the thread broke. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  finish(): Promise<Buffer>;
  /** Forgets an unfinished body. */
  abandon(): void;
}

let threads: Md5Threads | undefined;

/** Begins the MD5 of one body; on threads that all bodies share, if no others are given. */
export function beginMd5(on?: Md5Threads): StreamMd5 {
  return new BodyMd5(on ?? (threads ??= new Md5Threads()));
}

function newBlock(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BLOCK_BYTES + PADDING_BYTES);
}

class BodyMd5 implements StreamMd5, Md5Source {
  readonly #threads: Md5Threads;
  #state = Uint32Array.from(INITIAL_STATE);
  #size = 0;
  #filling = newBlock();
  #filled = 0;
  /** Filled, oldest first; and where the last of them ends. */
  #full: { readonly block: ArrayBuffer; readonly length: number }[] = [];
  #free: ArrayBuffer[] = [];
  #blocks = 1;
  #isAway = false;
  #hasEnded = false;
  #failure: ObjectsError | undefined;
  /** Who waits for a block to come back. */
  #changed: PromiseWithResolvers<void> | undefined;

  constructor(on: Md5Threads) {
    this.#threads = on;
  }

  update(chunk: Uint8Array): Promise<void> | undefined {
    this.#size += chunk.byteLength;
    if (this.#filled + chunk.byteLength <= BLOCK_BYTES) {
      this.#copy(chunk);
      return undefined;
    }
    return this.#spread(chunk);
  }

  /** A block that is full is handed over when more comes: the last stays, for the padding. */
  async #spread(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.byteLength;) {
      if (this.#filled === BLOCK_BYTES) await this.#turnOver();
      const part = chunk.subarray(offset, offset + BLOCK_BYTES - this.#filled);
      this.#copy(part);
      offset += part.byteLength;
    }
  }

  #copy(part: Uint8Array): void {
    this.#filling.set(part, this.#filled);
    this.#filled += part.byteLength;
  }

  async #turnOver(): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#hand();
    while (this.#free.length === 0 && this.#blocks >= MOST_BLOCKS) await this.#change();
    const free = this.#free.pop();
    if (!free) this.#blocks += 1;
    this.#filling = free ? new Uint8Array(free) : newBlock();
    this.#filled = 0;
  }

  #hand(): void {
    this.#full.push({ block: this.#filling.buffer, length: this.#filled });
    if (!this.#isAway) this.#threads.offer(this);
  }

  async #change(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    await this.#changed.promise;
    if (this.#failure) throw this.#failure;
  }

  async finish(): Promise<Buffer> {
    this.#hasEnded = true;
    if (this.#failure) throw this.#failure;
    if (this.#size <= BLOCK_BYTES) {
      return createHash('md5').update(this.#filling.subarray(0, this.#filled)).digest();
    }
    this.#pad();
    this.#hand();
    while (this.#full.length > 0 || this.#isAway) await this.#change();
    this.#threads.leave(this);
    const digest = Buffer.alloc(16);
    this.#state.forEach((word, index) => digest.writeUInt32LE(word, 4 * index));
    return digest;
  }

  #pad(): void {
    const end = Math.ceil((this.#filled + 9) / 64) * 64;
    this.#filling.fill(0, this.#filled, end);
    this.#filling[this.#filled] = 0x80;
    new DataView(this.#filling.buffer).setBigUint64(end - 8, BigInt(this.#size) * 8n, true);
    this.#filled = end;
  }

  abandon(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#threads.leave(this);
  }

  get waiting(): { readonly blocks: number; readonly isUrgent: boolean } {
    const blocks = this.#full.length;
    return { blocks, isUrgent: this.#hasEnded || blocks >= URGENT_BLOCKS };
  }

  take(): Md5Lane {
    const first = this.#full.shift();
    if (!first) throw new Error('a body without a full block was asked for one');
    this.#isAway = true;
    return { ...first, state: this.#state };
  }

  giveBack({ block, state }: Md5Lane): void {
    this.#isAway = false;
    this.#state = state;
    this.#free.push(block);
    this.#tell();
  }

  fail(error: ObjectsError): void {
    this.#failure = error;
    this.#isAway = false;
    this.#full = [];
    this.#tell();
  }

  #tell(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }
}
