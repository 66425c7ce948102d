/**
 * Allows `rate` units a second, and as much as one second's worth at once. Spending may go below nothing, for what is known only afterwards: then nothing is allowed until the debt is paid by time.
 */
export class TokenBucket {
  #tokens: number;
  #at: number;

  /** Begins full. `now` in milliseconds of a clock that never goes back. */
  constructor(rate: number, now: number) {
    this.#tokens = Math.max(1, rate);
    this.#at = now;
  }

  /** Seconds until `wanted` units may be taken; 0 if they may be now. Takes nothing. */
  wait(rate: number, wanted: number, now: number): number {
    this.#fill(rate, now);
    return this.#tokens >= wanted ? 0 : (wanted - this.#tokens) / rate;
  }

  take(units: number): void {
    this.#tokens -= units;
  }

  #fill(rate: number, now: number): void {
    const earned = (Math.max(0, now - this.#at) / 1_000) * rate;
    this.#tokens = Math.min(Math.max(1, rate), this.#tokens + earned);
    this.#at = now;
  }
}
