import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ObjectsError } from '../errors.js';

/** Bytes that are handed to a thread at once; also the least that is worth handing over. */
const BLOCK_BYTES = 1024 * 1024;
/** Blocks of one body that may be away at once: one is hashed while the next fills. */
const BLOCKS_AWAY = 2;

/**
 * MD5 of a body as it streams by, on another thread: MD5 takes 1.25 s of CPU a GB, which would be most of what an upload costs the thread that serves everybody.
 * A body that ends within its first MiB is hashed at once, where it is. A slow body holds nobody up: each has memory of its own, 3 MiB at most.
 */
export interface StreamMd5 {
  /** Takes a copy of the chunk. Waits when the thread is behind. Fails if the thread broke. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  finish(): Promise<Buffer>;
  /** Forgets an unfinished body. */
  abandon(): void;
}

/** What comes back: the block, to be filled again, or the digest. */
type Reply = { readonly id: number; readonly block?: ArrayBuffer; readonly digest?: Uint8Array };

/** Runs in the thread. Plain JavaScript in a string, because a worker's file would have to exist once as TypeScript and once compiled. */
const PROGRAM = `
const { parentPort } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const states = new Map();
parentPort.on('message', ({ id, block, length, end }) => {
  if (block) {
    if (!states.has(id)) states.set(id, createHash('md5'));
    states.get(id).update(new Uint8Array(block, 0, length));
    parentPort.postMessage({ id, block }, [block]);
  } else {
    const state = states.get(id);
    states.delete(id);
    if (end === 'finished') parentPort.postMessage({ id, digest: state.digest() });
  }
});`;

/** Who waits for a reply, by body: its oldest request first. */
type Waiting = Map<number, PromiseWithResolvers<Reply>[]>;

class Md5Thread {
  readonly #worker = new Worker(PROGRAM, { eval: true });
  readonly #waiting: Waiting = new Map();
  isBroken = false;
  /** Requests that have not been answered. */
  backlog = 0;

  constructor() {
    this.#worker.on('message', (reply: Reply) => {
      this.backlog -= 1;
      this.#waiting.get(reply.id)?.shift()?.resolve(reply);
    });
    this.#worker.on('error', (error: Error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail());
    // After the listeners: adding one makes the process wait for the thread again.
    this.#worker.unref();
  }

  /** Hashes a block of a body and gives it back. Blocks of one body are hashed in the order they came. */
  hash(id: number, block: ArrayBuffer, length: number): Promise<Reply> {
    return this.#ask(id, { id, block, length }, [block]);
  }

  finish(id: number): Promise<Reply> {
    return this.#ask(id, { id, end: 'finished' });
  }

  forget(id: number): void {
    this.#waiting.delete(id);
    this.#worker.postMessage({ id, end: 'abandoned' });
  }

  #ask(id: number, request: unknown, transfer: ArrayBuffer[] = []): Promise<Reply> {
    const asked = Promise.withResolvers<Reply>();
    if (this.isBroken) asked.reject(threadEnded());
    const waiting = this.#waiting.get(id);
    if (waiting) waiting.push(asked);
    else this.#waiting.set(id, [asked]);
    this.backlog += 1;
    this.#worker.postMessage(request, transfer);
    return asked.promise;
  }

  #fail(cause?: Error): void {
    this.isBroken = true;
    for (const asked of [...this.#waiting.values()].flat()) asked.reject(threadEnded(cause));
    this.#waiting.clear();
  }
}

function threadEnded(cause?: Error): ObjectsError {
  const details = { retryAfterSeconds: 1, ...(cause ? { cause } : {}) };
  return new ObjectsError('busy', 'the thread that computes MD5 ended; nothing was stored, try again', details);
}

let threads: Md5Thread[] = [];
const MOST_THREADS = Math.max(1, availableParallelism() - 1);
let lastId = 0;

/** The thread that is least behind; a new one while there are fewer than cores, less one for the thread that serves. */
function leastBusy(): Md5Thread {
  threads = threads.filter((thread) => !thread.isBroken);
  const [best] = threads.toSorted((a, b) => a.backlog - b.backlog);
  if (best && (best.backlog === 0 || threads.length >= MOST_THREADS)) return best;
  const thread = new Md5Thread();
  threads.push(thread);
  return thread;
}

/** Begins the MD5 of one body. */
export function beginMd5(): StreamMd5 {
  return new BodyMd5();
}

class BodyMd5 implements StreamMd5 {
  readonly #id = (lastId += 1);
  #block: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;
  #thread: Md5Thread | undefined;
  #away: Promise<Reply>[] = [];
  #ended = false;

  update(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#filled + chunk.byteLength < BLOCK_BYTES) {
      this.#copy(chunk);
      return undefined;
    }
    return this.#spread(chunk);
  }

  async #spread(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.byteLength;) {
      const part = chunk.subarray(offset, offset + BLOCK_BYTES - this.#filled);
      this.#copy(part);
      offset += part.byteLength;
      if (this.#filled === BLOCK_BYTES) await this.#hand();
    }
  }

  #copy(part: Uint8Array): void {
    this.#block ??= new Uint8Array(BLOCK_BYTES);
    this.#block.set(part, this.#filled);
    this.#filled += part.byteLength;
  }

  /** Sends the block away, and waits for an earlier one once enough are. */
  async #hand(): Promise<void> {
    this.#thread ??= leastBusy();
    if (this.#block) {
      const sent = this.#thread.hash(this.#id, this.#block.buffer, this.#filled);
      // Whoever waits for it hears of its failure; one that nobody waits for any more must not end the process.
      sent.catch(() => undefined);
      this.#away.push(sent);
    }
    this.#block = undefined;
    this.#filled = 0;
    if (this.#away.length < BLOCKS_AWAY) return;
    const back = await this.#away.shift();
    if (back?.block) this.#block = new Uint8Array(back.block);
  }

  async finish(): Promise<Buffer> {
    this.#ended = true;
    if (!this.#thread) {
      return createHash('md5')
        .update(this.#block?.subarray(0, this.#filled) ?? new Uint8Array())
        .digest();
    }
    if (this.#filled > 0) await this.#hand();
    await Promise.all(this.#away);
    const { digest } = await this.#thread.finish(this.#id);
    this.#thread.forget(this.#id);
    if (!digest) throw new Error('the thread that computes MD5 gave no digest');
    return Buffer.from(digest);
  }

  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#thread?.forget(this.#id);
  }
}
