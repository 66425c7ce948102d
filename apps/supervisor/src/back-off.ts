const shortestMs = 500;
const longestMs = 30_000;
/** A child that stayed up this long has recovered: its next crash counts as the first. */
const recoveredMs = 60_000;

/**
 * How long to wait before a crashed child starts again, in milliseconds: at once after a first crash, then doubling from half a
 * second to half a minute while it keeps crashing within a minute.
 */
export class BackOff {
  #crashes = 0;

  /** Counts one crash after `upMs` of running and gives the pause. */
  next(upMs: number): number {
    if (upMs >= recoveredMs) this.#crashes = 0;
    const pause = this.#crashes === 0 ? 0 : Math.min(longestMs, shortestMs * 2 ** (this.#crashes - 1));
    this.#crashes += 1;
    return pause;
  }
}
