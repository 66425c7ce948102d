export interface RetryBudgetOptions {
  /** Retries that may be made at once after a quiet time. */
  readonly capacity: number;
  /** What each success gives back: 0.1 lets one call in ten be a retry. */
  readonly refillPerSuccess: number;
}

/**
 * A token bucket that bounds retries by successes: while a backend is down nothing succeeds, the bucket runs empty, and the load is that of the first attempts
 * alone. One budget a backend, whoever calls.
 */
export class RetryBudget {
  private tokens: number;

  constructor(private readonly options: RetryBudgetOptions) {
    this.tokens = options.capacity;
  }

  /** Takes one retry; false if there is none left. */
  take(): boolean {
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  succeeded(): void {
    this.tokens = Math.min(this.options.capacity, this.tokens + this.options.refillPerSuccess);
  }
}
