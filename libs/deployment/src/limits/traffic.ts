import type { ConfigurationSnapshot, LoadLimits } from '#libs/metadata';
import { ObjectsError, type Actor } from '#libs/objects';
import { TokenBucket } from './token-bucket.js';

export interface TrafficParts {
  /** The configuration if it is fresh: nothing is waited for. */
  readonly snapshot: () => ConfigurationSnapshot | undefined;
  readonly monotonic: () => number;
  /** API processes of this machine: each allows its share, so that together they never allow more than the limit. */
  readonly processes: number;
}

interface Buckets {
  readonly requests: TokenBucket;
  readonly bytes: TokenBucket;
}

interface Limited {
  readonly key: string;
  readonly whose: string;
  readonly limits: LoadLimits;
}

/**
 * Keeps users and buckets within their requests and bytes a second, in one process. Costs two look-ups where nobody has limits. A bucket's allowance is spent by its owner and administrators
 * only: strangers are refused elsewhere and take nothing from it.
 */
export class Traffic {
  readonly #buckets = new Map<string, Buckets>();

  constructor(private readonly parts: TrafficParts) {}

  /** A request of this user, about the bucket of that name if it is about one. Fails with `rate-limited`, and when to come again. True if anything limits it: then `spent` wants to know. */
  admit(actor: Actor, bucket?: string): boolean {
    const limited = this.#limited(actor, bucket);
    if (limited === undefined || limited.length === 0) return false;
    const now = this.parts.monotonic();
    for (const one of limited) this.#assertAllowed(one, now);
    for (const { key, limits } of limited)
      if (limits.requestsPerSecond !== undefined) this.#of(key, limits, now).requests.take(1);
    return true;
  }

  /** So much content went up or down for a request that was admitted. It may take the allowance below nothing; the next requests wait for it. */
  spent(actor: Actor, bucket: string | undefined, bytes: number): void {
    if (bytes === 0) return;
    const now = this.parts.monotonic();
    for (const { key, limits } of this.#limited(actor, bucket) ?? [])
      if (limits.bytesPerSecond !== undefined) this.#of(key, limits, now).bytes.take(bytes);
  }

  #limited(actor: Actor, bucket: string | undefined): readonly Limited[] | undefined {
    const snapshot = this.parts.snapshot();
    if (!snapshot || (snapshot.userLimits.size === 0 && snapshot.bucketLimits.size === 0)) return undefined;
    const limited: Limited[] = [];
    const ofUser = snapshot.userLimits.get(actor.userId);
    if (ofUser) limited.push({ key: `user ${actor.userId}`, whose: 'your user', limits: ofUser });
    const ofBucket = bucket === undefined ? undefined : snapshot.bucketLimits.get(bucket);
    if (ofBucket && (actor.isAdmin || ofBucket.ownerId === actor.userId))
      limited.push({ key: `bucket ${ofBucket.id}`, whose: `bucket ${String(bucket)}`, limits: ofBucket });
    return limited;
  }

  #assertAllowed({ key, whose, limits }: Limited, now: number): void {
    const { requestsPerSecond, bytesPerSecond } = limits;
    if (requestsPerSecond === undefined && bytesPerSecond === undefined) return;
    const { requests, bytes } = this.#of(key, limits, now);
    if (requestsPerSecond !== undefined)
      refuse(requests.wait(this.#share(requestsPerSecond), 1, now), `${whose} may send ${requestsPerSecond} requests`);
    if (bytesPerSecond !== undefined)
      refuse(bytes.wait(this.#share(bytesPerSecond), 1, now), `${whose} may transfer ${bytesPerSecond} bytes`);
  }

  #of(key: string, { requestsPerSecond = 1, bytesPerSecond = 1 }: LoadLimits, now: number): Buckets {
    let found = this.#buckets.get(key);
    if (!found) {
      const requests = new TokenBucket(this.#share(requestsPerSecond), now);
      found = { requests, bytes: new TokenBucket(this.#share(bytesPerSecond), now) };
      this.#buckets.set(key, found);
    }
    return found;
  }

  #share(rate: number): number {
    return rate / this.parts.processes;
  }
}

function refuse(waitSeconds: number, what: string): void {
  if (waitSeconds <= 0) return;
  const retryAfterSeconds = Math.max(1, Math.ceil(waitSeconds));
  throw new ObjectsError('rate-limited', `${what} a second; come again in ${retryAfterSeconds} s`, {
    retryAfterSeconds,
  });
}
