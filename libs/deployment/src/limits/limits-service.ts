import type { OperationContext } from '#libs/objects';

/** Limits as they are shown: what is absent is not limited. */
export interface LimitsView {
  readonly requestsPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly objects?: number;
  readonly bytes?: number;
  /** What counts against the quotas now, where there are any. */
  readonly usage?: { readonly objects: number; readonly bytes: number };
}

/**
 * Rates and quotas of buckets and users. A change takes hold in every process within a second. Fails with `DeploymentError` `invalid-limits` (each wrong field), `no-such-bucket`, or not-found
 * for a user.
 */
export interface LimitsService {
  /** By the bucket's name; for its owner and administrators. */
  ofBucket(context: OperationContext, bucket: string): Promise<LimitsView>;
  /** Replaces all limits; `{}` lifts them. Lower quotas than what is stored remove nothing: they refuse what would grow. */
  setOfBucket(context: OperationContext, bucket: string, input: unknown): Promise<LimitsView>;
  /** By the user's id. */
  ofUser(userId: string): Promise<LimitsView>;
  setOfUser(userId: string, input: unknown): Promise<LimitsView>;
}
