import { BackendError } from '../errors.js';
import type { Call, ObjectBackend } from '../object-backend.js';
import { followBody, wrapBackend } from './wrap-backend.js';
import type { Around } from './wrap-backend.js';

export interface ConcurrencyLimit {
  /** Calls under way at once; downloads have as many again of their own. */
  readonly max: number;
  /** Calls that may wait; one more is refused with `throttled`, and how long to wait. */
  readonly queue: number;
}

type Release = () => void;

/** Places for `max` calls and a queue in order of arrival. */
class Places {
  private taken = 0;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly backend: string,
    private readonly limit: ConcurrencyLimit,
    private readonly refusal: () => BackendError | undefined,
  ) {}

  async enter(call: Call): Promise<Release> {
    if (this.taken < this.limit.max) this.taken++;
    else await this.wait(call);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.leave();
    };
  }

  get isFull(): boolean {
    return this.taken >= this.limit.max;
  }

  private leave(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.taken--;
      return;
    }
    this.waiting.delete(next);
    next(); // the place goes over to it
  }

  private wait(call: Call): Promise<void> {
    const { backend } = this;
    if (this.waiting.size >= this.limit.queue)
      return Promise.reject(
        new BackendError(
          'throttled',
          `${this.limit.max} calls are under way and ${this.limit.queue} wait already for this backend`,
          { backend, retryAfterMs: 1_000 },
        ),
      );
    const refusal = this.refusal();
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        call.signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.waiting.delete(enter);
        const cause: unknown = call.signal?.reason;
        reject(new BackendError('timeout', 'the caller gave up waiting for its turn', { backend, cause }));
      };
      if (call.signal?.aborted === true) {
        giveUp();
        return;
      }
      call.signal?.addEventListener('abort', giveUp, { once: true });
      this.waiting.add(enter);
    });
  }
}

/**
 * Lets a backend have only so many calls at once, so that a slow one cannot hold every connection. A download holds its place until its body ends; downloads
 * have places of their own, because an upload may be fed by one and would wait for it for ever.
 * Nobody waits for a backend that would not be asked.
 */
export function withConcurrencyLimit(backend: ObjectBackend, limit: ConcurrencyLimit): ObjectBackend {
  const refusal = (): BackendError | undefined => backend.refusal?.();
  const places = new Places(backend.name, limit, refusal);
  const downloads = new Places(backend.name, limit, refusal);
  const around: Around = {
    async call(step, proceed) {
      const release = await places.enter(step.call);
      try {
        return await proceed(step.call);
      } finally {
        release();
      }
    },
    async get(step, proceed) {
      const release = await downloads.enter(step.call);
      try {
        return followBody(await proceed(step.call), () => undefined, release);
      } catch (error) {
        release();
        throw error;
      }
    },
    // Over before anybody else could want the place; but nobody overtakes those who wait for one.
    atOnce: (read, request) => (downloads.isFull ? undefined : read(request)),
  };
  return wrapBackend(backend, around);
}
