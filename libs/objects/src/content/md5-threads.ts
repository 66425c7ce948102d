import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ObjectsError } from '../errors.js';
import { encodeMd5Module, MD5_LAYOUT } from './md5-kernel.js';
import type { Md5Lane, Md5ThreadData } from './md5-thread.js';

/** A body whose bytes are hashed by a thread, block after block. */
export interface Md5Source {
  /** How many blocks wait; and whether it has to be served though others are not ready: it is about to run out of memory, or has ended. */
  readonly waiting: { readonly blocks: number; readonly isUrgent: boolean };
  /** The first of its blocks. It gives no other before it has that back, or is told that the thread broke. */
  take(): Md5Lane;
  giveBack(lane: Md5Lane): void;
  fail(error: ObjectsError): void;
}

interface Thread {
  readonly worker: Worker;
  /** Whose blocks it has. */
  serves: readonly Md5Source[];
}

export interface Md5ThreadsOptions {
  /** What each thread runs. */
  readonly program?: URL;
  readonly mostThreads?: number;
}

/** Beside this file, in whichever language both are. */
const PROGRAM = new URL(`./md5-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url);
/** One core is for the thread that serves. */
const MOST_THREADS = Math.max(1, availableParallelism() - 1);

/** A thread's garbage is a few views a block: left to itself V8 would let it grow to 30 MiB before it looked. */
const HEAP = { maxYoungGenerationSizeMb: 2 };

/**
 * Threads that compute MD5 of several bodies at once, for that takes little more than MD5 of one. So a body's blocks wait until every other has one too, or as many have as a thread advances at
 * once; but only as long as that body has memory left to fill meanwhile, so nobody waits for a slow one. A thread is started when one is needed, and keeps no process alive.
 */
export class Md5Threads {
  readonly #program: URL;
  readonly #mostThreads: number;
  readonly #sources = new Set<Md5Source>();
  /** Those that have a block and no thread, longest first. */
  readonly #ready = new Set<Md5Source>();
  readonly #threads = new Set<Thread>();
  #data: Md5ThreadData | undefined;

  constructor({ program = PROGRAM, mostThreads = MOST_THREADS }: Md5ThreadsOptions = {}) {
    this.#program = program;
    this.#mostThreads = mostThreads;
  }

  /** To be called when a source has a block that it can give. */
  offer(source: Md5Source): void {
    this.#sources.add(source);
    this.#ready.add(source);
    this.#serve();
  }

  /** To be called of every source that offered a block, when it will offer no more; the block it may have given does not come back. */
  leave(source: Md5Source): void {
    this.#sources.delete(source);
    this.#ready.delete(source);
    this.#serve();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  #serve(): void {
    while (this.#isTime()) {
      const thread = this.#idleThread();
      if (!thread) return;
      const served = this.#mostUrgent();
      for (const source of served) this.#ready.delete(source);
      thread.serves = served;
      const lanes = served.map((source) => source.take());
      thread.worker.postMessage(
        lanes,
        lanes.map(({ block }) => block),
      );
    }
  }

  #isTime(): boolean {
    const ready = this.#ready.size;
    if (ready === 0) return false;
    if (ready >= Math.min(MD5_LAYOUT.lanes, this.#sources.size)) return true;
    return [...this.#ready].some(({ waiting }) => waiting.isUrgent);
  }

  #mostUrgent(): readonly Md5Source[] {
    const ready = [...this.#ready];
    if (ready.length <= MD5_LAYOUT.lanes) return ready;
    const rank = ({ waiting }: Md5Source): number => (waiting.isUrgent ? 1 : 0);
    return ready.sort((a, b) => rank(b) - rank(a)).slice(0, MD5_LAYOUT.lanes);
  }

  #idleThread(): Thread | undefined {
    const idle = [...this.#threads].find(({ serves }) => serves.length === 0);
    return idle ?? (this.#threads.size < this.#mostThreads ? this.#start() : undefined);
  }

  #start(): Thread {
    this.#data ??= { modules: [encodeMd5Module(true), encodeMd5Module(false)], layout: MD5_LAYOUT };
    const worker = new Worker(this.#program, { workerData: this.#data, resourceLimits: HEAP });
    const thread: Thread = { worker, serves: [] };
    worker.on('message', (lanes: readonly Md5Lane[]) => this.#finished(thread, lanes));
    worker.on('error', (error: Error) => this.#ended(thread, error));
    worker.on('exit', () => this.#ended(thread));
    // After the listeners: adding one makes the process wait for the thread again.
    worker.unref();
    this.#threads.add(thread);
    return thread;
  }

  #finished(thread: Thread, lanes: readonly Md5Lane[]): void {
    const { serves } = thread;
    thread.serves = [];
    serves.forEach((source, index) => {
      const lane = lanes[index];
      if (!lane || !this.#sources.has(source)) return;
      source.giveBack(lane);
      if (source.waiting.blocks > 0) this.#ready.add(source);
    });
    this.#serve();
  }

  #ended(thread: Thread, cause?: Error): void {
    if (!this.#threads.delete(thread)) return;
    const details = { retryAfterSeconds: 1, ...(cause ? { cause } : {}) };
    for (const source of thread.serves) {
      this.#sources.delete(source);
      source.fail(
        new ObjectsError('busy', 'the thread that computes MD5 ended; nothing was stored, try again', details),
      );
    }
    this.#serve();
  }
}
