import type { Call } from '../object-backend.js';
import { unlessAborted } from '../wire/unless-aborted.js';

/** Something that proves who asks, for a while. */
export interface Grant {
  /** When the vendor stops taking it, in milliseconds since 1970; undefined: nobody knows. */
  readonly expiresAt?: number | undefined;
}

/** It is renewed this long before its end, so that none ends on its way. */
const MARGIN_MS = 5 * 60_000;
/** While the old one still holds, a renewal that failed is not tried again sooner. And none that the vendor refused was got less than this ago. */
const PAUSE_MS = 10_000;

export interface RenewedOptions<G extends Grant> {
  readonly backend: string;
  /** Gets a new one. Bounded in time by itself: no caller's giving up ends it for the others. */
  fetch(): Promise<G>;
  readonly now?: () => number;
}

/**
 * A grant that is fetched when it is first needed and renewed shortly before its end, once for all callers at a time. If a renewal fails while the
 * old one still holds, the old one is used. A grant that the vendor refuses is fetched anew once.
 */
export class Renewed<G extends Grant> {
  readonly #options: RenewedOptions<G>;
  readonly #now: () => number;
  #held: { readonly grant: G; readonly since: number; renewAt: number } | undefined;
  #renewal: Promise<G> | undefined;

  constructor(options: RenewedOptions<G>) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** What is at hand and need not be renewed yet. */
  current(): G | undefined {
    const held = this.#held;
    return held !== undefined && this.#now() < held.renewAt ? held.grant : undefined;
  }

  /** A grant that holds. Fails as `fetch` does, or with `timeout` when the call is given up first. */
  async get(call: Call): Promise<G> {
    const current = this.current();
    if (current !== undefined) return current;
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = undefined));
    return await unlessAborted(this.#renewal, call, this.#options.backend);
  }

  /**
   * The vendor refused this grant although it should hold. Answers whether to try again with another: not where it was fetched only just now, for
   * then another would fare no better.
   */
  refused(isIt: (grant: G) => boolean): boolean {
    const held = this.#held;
    // Somebody else saw the refusal before, and there is a newer one by now, or there will be.
    if (held === undefined || !isIt(held.grant)) return true;
    if (this.#now() - held.since < PAUSE_MS) return false;
    this.#held = undefined;
    return true;
  }

  async #renew(): Promise<G> {
    const asked = this.#now();
    try {
      const grant = await this.#options.fetch();
      const { expiresAt = Infinity } = grant;
      // Of a short-lived one at least half the life is used.
      const renewAt = expiresAt - Math.min(MARGIN_MS, Math.max(0, expiresAt - asked) / 2);
      this.#held = { grant, since: asked, renewAt };
      return grant;
    } catch (error) {
      const held = this.#held;
      if (held === undefined || asked >= (held.grant.expiresAt ?? Infinity)) throw error;
      held.renewAt = Math.min(asked + PAUSE_MS, held.grant.expiresAt ?? Infinity);
      return held.grant;
    }
  }
}
