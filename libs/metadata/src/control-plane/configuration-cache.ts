import { ControlPlaneError, isControlPlaneError } from './errors.js';
import type { ConfigurationSnapshot } from './records.js';

/** "No process acts on configuration older than one second" (DESIGN section 3). */
export const CONFIGURATION_MAX_AGE_MS = 1_000;

/** Where the cache reads from. Both throw `ControlPlaneError`, `unavailable` if the answer does not come. */
export interface ConfigurationSource {
  /** The stored revision; one tiny query. */
  readRevision(): Promise<string>;
  /** Everything, as of one instant. */
  load(): Promise<ConfigurationSnapshot>;
}

interface Verified {
  readonly snapshot: ConfigurationSnapshot;
  /** Monotonic time at which the verifying query was about to be sent: what was committed before it is in the snapshot. */
  readonly since: number;
}

/** A query under way. */
interface Asked {
  readonly result: Promise<Verified>;
  readonly epoch: number;
  readonly began: number;
}

/**
 * The configuration, at most one second old.
 *
 * Guarantees: a change that was committed before a verification began is in what that verification answers, and an answer is given out for
 * one second from that beginning, on a monotonic clock. Callers share one query. While the store is away, `current` throws `unavailable` as soon as
 * the last answer is too old: it never gives out a stale one.
 * Costs: nothing while fresh; one single-row read a second while used; a full load when the revision moved.
 */
export class ConfigurationCache {
  private verified: Verified | undefined;
  private underWay: Asked | undefined;
  /** Raised by `invalidate`: what was asked before does not count. */
  private epoch = 0;

  constructor(
    private readonly source: ConfigurationSource,
    private readonly monotonic: () => number,
  ) {}

  /** The snapshot if it is fresh, without waiting. In the second half of its life it is renewed behind the caller's back, so that a busy caller never waits. */
  currentOrUndefined(): ConfigurationSnapshot | undefined {
    const { verified } = this;
    if (verified === undefined) return undefined;
    const age = this.monotonic() - verified.since;
    if (age >= CONFIGURATION_MAX_AGE_MS) return undefined;
    if (age >= CONFIGURATION_MAX_AGE_MS / 2) this.renew();
    return verified.snapshot;
  }

  /** The fresh snapshot. `unavailable` if the store does not answer within the age allowed. */
  async current(): Promise<ConfigurationSnapshot> {
    return this.currentOrUndefined() ?? (await this.verify());
  }

  /** Makes the next caller see every change committed up to now: after one's own change, and when another process's is announced. */
  invalidate(): void {
    this.epoch += 1;
    this.verified = undefined;
  }

  /** Invalidates and reads ahead. */
  announceChange(): void {
    this.invalidate();
    this.renew();
  }

  /** A failure here is not lost: whoever needs the answer asks again, and is told. */
  private renew(): void {
    this.share().result.catch(() => undefined);
  }

  /**
   * An answer that took too long, or was overtaken by an invalidation, is asked for again, some times; then it is an outage. So a machine, or a Postgres, that stood still for some
   * seconds delays requests and refuses none. A store that says at once that it is away is away.
   */
  private async verify(): Promise<ConfigurationSnapshot> {
    for (let attempt = 0; attempt < VERIFY_ATTEMPTS; attempt += 1) {
      const { result, began } = this.share();
      const answer = await result.catch((error: unknown) => {
        // Timers are early at times; who is away says so at once.
        const wasSilent = this.monotonic() - began >= CONFIGURATION_MAX_AGE_MS / 2;
        if (isControlPlaneError(error, 'unavailable') && wasSilent) return undefined;
        throw error;
      });
      if (answer !== undefined && this.monotonic() - answer.since < CONFIGURATION_MAX_AGE_MS) return answer.snapshot;
    }
    throw new ControlPlaneError('unavailable', 'the configuration could not be read within a second');
  }

  /** Joins the query under way, unless something was invalidated since it began. */
  private share(): Asked {
    const { underWay, epoch } = this;
    if (underWay?.epoch === epoch) return underWay;
    const began = this.monotonic();
    const result = this.ask().finally(() => {
      if (this.underWay?.result === result) this.underWay = undefined;
    });
    this.underWay = { result, epoch, began };
    return this.underWay;
  }

  private async ask(): Promise<Verified> {
    const { epoch, verified: before } = this;
    const since = this.monotonic();
    const known = before ?? this.last;
    const moved = known === undefined || (await this.source.readRevision()) !== known.snapshot.revision;
    const verified = { snapshot: moved ? await this.source.load() : known.snapshot, since };
    this.last = verified;
    if (epoch === this.epoch) this.verified = verified;
    return verified;
  }

  /** The latest answer whatever its age: only to be compared with the stored revision, never given out unverified. */
  private last: Verified | undefined;
}

const VERIFY_ATTEMPTS = 6;
