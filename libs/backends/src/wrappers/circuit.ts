import { BackendError } from '../errors.js';

/** When a circuit opens, and how long it stays so. */
export interface CircuitOptions {
  /** Calls are judged over so long. */
  readonly windowMs: number;
  /** It opens when, of the calls that ended within the window, at least so many failed … */
  readonly minFailures: number;
  /** … and they are at least this share of all. */
  readonly failureShare: number;
  /** So long nothing is sent; then one call tries. Each try that fails doubles the time, up to `maxOpenMs`. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly onChange?: (state: CircuitState) => void;
}

/** Defaults for a backend behind a network. */
export const CIRCUIT_DEFAULTS = {
  windowMs: 10_000,
  minFailures: 10,
  failureShare: 0.5,
  openMs: 2_000,
  maxOpenMs: 15_000,
} as const;

/** `closed`: calls go through. `open`: none does. `half-open`: one is trying. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** A circuit as it is shown. */
export interface CircuitView {
  readonly state: CircuitState;
  /** Why it is not closed. */
  readonly reason?: string;
  /** Until the next call may try. */
  readonly retryAfterMs?: number;
}

/** What came of a call: `neither` where its end says nothing of the backend. */
export type CircuitOutcome = 'answered' | 'failed' | 'neither';

interface Half {
  readonly begun: number;
  answered: number;
  failed: number;
}

/**
 * Remembers how a backend's calls ended, and says whether the next may be sent. One a backend and process. It looks at calls that were sent, and refuses calls that were not: what
 * came of a call is never its word.
 */
export class Circuit {
  #state: CircuitState = 'closed';
  #older: Half;
  #newer: Half;
  #opensAgainAt = 0;
  #openFor = 0;
  #reason = '';

  constructor(
    private readonly backend: string,
    private readonly options: CircuitOptions,
  ) {
    this.#older = this.#newer = { begun: options.now(), answered: 0, failed: 0 };
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Why a call would be refused now; undefined if it would be sent. Changes nothing. */
  refusal(): BackendError | undefined {
    if (this.#state === 'closed') return undefined;
    const retryAfterMs = this.#opensAgainAt - this.options.now();
    if (this.#state === 'open' && retryAfterMs <= 0) return undefined;
    const next = retryAfterMs > 0 ? `it is tried again in ${Math.ceil(retryAfterMs / 1_000)} s` : 'it is being tried';
    return new BackendError('unavailable', `not asked, since ${this.#reason}; ${next}`, {
      backend: this.backend,
      retryAfterMs: Math.max(1_000, retryAfterMs),
    });
  }

  /** Lets a call through, the first after an open time as the one that tries; or says why not. Whoever is let through must tell what came of it. */
  admit(): BackendError | undefined {
    if (this.#state === 'closed') return undefined;
    const refusal = this.refusal();
    if (!refusal) this.#become('half-open');
    return refusal;
  }

  /** What came of a call that was let through. */
  ended(outcome: CircuitOutcome): void {
    if (this.#state === 'closed') {
      if (outcome === 'neither') return;
      const half = this.#current();
      half[outcome] += 1;
      if (outcome === 'failed') this.#judge();
      return;
    }
    if (outcome === 'answered') this.#close();
    else if (this.#state === 'half-open' && outcome === 'failed') this.#open(this.#openFor * 2);
    // The one that tried said nothing: the next may try at once.
    else if (this.#state === 'half-open') this.#become('open');
  }

  view(): CircuitView {
    if (this.#state === 'closed') return { state: 'closed' };
    const retryAfterMs = Math.max(0, this.#opensAgainAt - this.options.now());
    return { state: this.#state, reason: this.#reason, retryAfterMs };
  }

  /** Two halves of the window, of which the older is dropped whole: cheap, and never longer than one window and a half. */
  #current(): Half {
    const now = this.options.now();
    const half = this.options.windowMs / 2;
    if (now - this.#newer.begun >= half) {
      const fresh = { begun: now, answered: 0, failed: 0 };
      this.#older = now - this.#newer.begun >= 2 * half ? fresh : this.#newer;
      this.#newer = fresh;
    }
    return this.#newer;
  }

  #judge(): void {
    const halves = this.#older === this.#newer ? [this.#newer] : [this.#older, this.#newer];
    const failed = halves.reduce((sum, half) => sum + half.failed, 0);
    const all = halves.reduce((sum, half) => sum + half.failed + half.answered, 0);
    if (failed < this.options.minFailures || failed < all * this.options.failureShare) return;
    this.#reason = `${failed} of its last ${all} calls failed or were not answered in time`;
    this.#open(this.options.openMs);
  }

  #open(forMs: number): void {
    this.#openFor = Math.min(forMs, this.options.maxOpenMs);
    this.#opensAgainAt = this.options.now() + this.#openFor;
    this.#become('open');
  }

  #close(): void {
    this.#older = this.#newer = { begun: this.options.now(), answered: 0, failed: 0 };
    this.#become('closed');
  }

  #become(state: CircuitState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.options.onChange?.(state);
  }
}
