import type { BackendError } from '../errors.js';
import type { Operation } from './wrap-backend.js';

/** What goes wrong with a call. `hang` never reaches the backend and fails once released; `delay` goes on once released. */
export type Fault =
  | { readonly kind: 'fail'; readonly error: BackendError }
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay' }
  /** The call succeeds and its caller is told that it failed. */
  | { readonly kind: 'lose-answer'; readonly error: BackendError }
  /** The backend gets only the first bytes of an upload, as if that were all. */
  | { readonly kind: 'truncate-upload'; readonly bytes: number }
  /** The connection breaks after these bytes of an upload: the backend stores nothing, and its caller is told this. */
  | { readonly kind: 'cut-upload'; readonly bytes: number; readonly error: BackendError }
  /** A download throws after these bytes. */
  | { readonly kind: 'cut-download'; readonly bytes: number; readonly error: BackendError };

interface Held {
  readonly operation: Operation;
  readonly release: () => void;
}

/** Which call of which operation goes wrong, and how. Calls are counted from 1, each operation by itself. */
export class FaultPlan {
  private readonly faults = new Map<string, Fault>();
  private readonly counts = new Map<Operation, number>();
  private readonly held = new Set<Held>();
  private readonly watchers = new Set<() => void>();

  /** Lets the `nth` call of `operation` go wrong. */
  on(operation: Operation, nth: number, fault: Fault): this {
    this.faults.set(`${operation} ${nth}`, fault);
    return this;
  }

  /** Counts a call and answers what happens to it. */
  next(operation: Operation): Fault | undefined {
    const count = this.callsOf(operation) + 1;
    this.counts.set(operation, count);
    return this.faults.get(`${operation} ${count}`);
  }

  callsOf(operation: Operation): number {
    return this.counts.get(operation) ?? 0;
  }

  /** Holds a call until `release`, or until its caller gives up. */
  hold(operation: Operation, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const held = { operation, release: resolve };
      const giveUp = (): void => {
        this.held.delete(held);
        resolve();
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.held.add(held);
      for (const watcher of this.watchers) watcher();
    });
  }

  /** Resolves once a call of `operation` is held. */
  isHeld(operation: Operation): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (![...this.held].some((held) => held.operation === operation)) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  /** Lets every held call go. */
  release(): void {
    for (const held of this.held) held.release();
    this.held.clear();
  }
}
