import { BackendError } from '../errors.js';
import type { Call, GetResult, ObjectBackend, ObjectBody } from '../object-backend.js';
import { wrapBackend } from './wrap-backend.js';
import type { Around } from './wrap-backend.js';

/** Starts and stops timers; tests give their own. */
export interface Timers {
  /** Calls `fire` once after `ms`, and answers how to prevent it. */
  start(fire: () => void, ms: number): () => void;
}

export interface DeadlineOptions {
  /** For the answer, or for its head, where the call names no deadline of its own. */
  readonly answerMs: number;
  /** For each silence while bytes flow, where the call names no deadline of its own. */
  readonly idleMs: number;
  readonly timers?: Timers;
}

const SYSTEM_TIMERS: Timers = {
  start(fire, ms) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
};

/** The time limit of one call: one controller that the outer signal or a timer aborts. Cheaper than AbortSignal.any, which registers with every source. */
class Watch {
  private readonly controller = new AbortController();
  private stopTimer: () => void = () => undefined;
  private failure: BackendError | undefined;
  private ended = false;
  private onFire: (failure: BackendError) => void = () => undefined;

  constructor(
    private readonly backend: string,
    private readonly outer: Call,
    private readonly timers: Timers,
  ) {
    if (outer.signal?.aborted === true) this.follow();
    else outer.signal?.addEventListener('abort', this.follow, { once: true });
  }

  get call(): Call {
    return { ...this.outer, signal: this.controller.signal };
  }

  /** Begins a silence anew. */
  start(ms: number, waitingFor: string): void {
    this.stopTimer();
    if (this.ended) return; // a body may go on for a moment after its call is over
    this.stopTimer = this.timers.start(() => {
      this.fire(new BackendError('timeout', `no ${waitingFor} within ${ms} ms`, { backend: this.backend }));
    }, ms);
  }

  pause(): void {
    this.stopTimer();
  }

  /** Ends the watch: no timer, no listener is left. */
  end(): void {
    this.ended = true;
    this.stopTimer();
    this.outer.signal?.removeEventListener('abort', this.follow);
  }

  /** The promise's answer, or the failure as soon as the limit is reached: also of a backend that ignores its signal. */
  race<T>(promise: Promise<T>, late: (value: T) => void = () => undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.onFire = reject;
      if (this.failure !== undefined) reject(this.failure);
      promise.then(
        (value) => (this.failure === undefined ? resolve(value) : late(value)),
        (error: unknown) => reject(this.failure ?? asError(error)),
      );
    });
  }

  private readonly follow = (): void => {
    const cause: unknown = this.outer.signal?.reason;
    this.fire(new BackendError('timeout', 'the caller gave up', { backend: this.backend, cause }), cause);
  };

  /** The inner call is told the caller's own reason, so that it can tell a caller that gave up from a limit. */
  private fire(failure: BackendError, reason: unknown = failure): void {
    if (this.failure !== undefined) return;
    this.failure = failure;
    this.stopTimer();
    this.controller.abort(reason);
    this.onFire(failure);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new BackendError('unknown', 'a backend threw no error', { cause: error });
}

async function* watchedUpload(body: AsyncIterable<Uint8Array>, onChunk: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    onChunk();
    yield chunk;
  }
}

/** Each wait for a chunk is timed; what the reader does with it is not. */
function watchedDownload(result: GetResult, watch: Watch, idleMs: number): GetResult {
  async function* body(): AsyncGenerator<Uint8Array> {
    const iterator: AsyncIterator<Uint8Array, unknown> = result.body[Symbol.asyncIterator]();
    let over = false;
    try {
      for (;;) {
        watch.start(idleMs, 'bytes');
        const next = await watch.race(iterator.next());
        watch.pause();
        if (next.done === true) {
          over = true;
          return;
        }
        yield next.value;
      }
    } finally {
      watch.end();
      if (!over) result.discard();
      // Not awaited: a body that hangs never answers, and nobody waits for it any more.
      if (!over) iterator.return?.().catch(() => undefined);
    }
  }
  return {
    head: result.head,
    body: body(),
    discard() {
      watch.end();
      result.discard();
    },
  };
}

/**
 * Ends calls that take too long with `timeout`: no answer in time, or a silence while bytes flow. The inner call's signal is aborted, and the caller is
 * answered at once even if the backend does not heed it. A deadline in the call itself goes before the defaults.
 */
export function withDeadline(backend: ObjectBackend, options: DeadlineOptions): ObjectBackend {
  const { answerMs, idleMs, timers = SYSTEM_TIMERS } = options;
  const begin = (call: Call): Watch => {
    const watch = new Watch(backend.name, call, timers);
    watch.start(call.deadlineMs ?? answerMs, 'answer');
    return watch;
  };
  const around: Around = {
    async call(step, proceed) {
      const watch = begin(step.call);
      try {
        return await watch.race(proceed(watch.call));
      } finally {
        watch.end();
      }
    },
    async put(step, request, proceed) {
      const watch = begin(step.call);
      const touch = (): void => watch.start(step.call.deadlineMs ?? Math.max(idleMs, answerMs), 'progress');
      const body: ObjectBody = request.body instanceof Uint8Array ? request.body : watchedUpload(request.body, touch);
      try {
        return await watch.race(proceed(watch.call, { ...request, body }));
      } finally {
        watch.end();
      }
    },
    async get(step, proceed) {
      const watch = begin(step.call);
      try {
        const result = await watch.race(proceed(watch.call), (late) => late.discard());
        watch.pause();
        if (result.whole !== undefined) {
          watch.end();
          return result;
        }
        return watchedDownload(result, watch, step.call.deadlineMs ?? idleMs);
      } catch (error) {
        watch.end();
        throw error;
      }
    },
    atOnce: (read, request) => read(request),
  };
  return wrapBackend(backend, around);
}
