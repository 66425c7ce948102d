import type { BackendType, S3Profile } from '#libs/naming';
import type { TierPolicy } from '#libs/tiering';
import type { BucketId, BucketState } from '../object-index/records.js';

/** All times are milliseconds since the epoch. A `revision` starts at 1 and is raised by every change of its record. */

export const BACKEND_STATES = ['ok', 'unreachable', 'denied'] as const;
export type BackendState = (typeof BACKEND_STATES)[number];

/** A registered place to keep bytes. */
export interface BackendRecord {
  readonly id: string;
  readonly name: string;
  readonly type: BackendType;
  readonly profile?: S3Profile;
  readonly endpoint?: string;
  readonly region?: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** Sealed; this store never sees the clear text. */
  readonly credentials: string;
  /** What registration found the endpoint to do: the backends port's capabilities, as data. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly state: BackendState;
  readonly lastCheckedAt?: number;
  /** Why the last check failed; absent after one that passed. */
  readonly lastCheckError?: string;
  readonly createdAt: number;
  readonly revision: number;
}

/** A stored tier policy. */
export interface TierPolicyRecord extends TierPolicy {
  readonly updatedAt: number;
  readonly revision: number;
}

export const USER_ROLES = ['admin', 'user'] as const;
export type UserRole = (typeof USER_ROLES)[number];

export interface UserRecord {
  readonly id: string;
  readonly name: string;
  readonly role: UserRole;
  readonly disabled: boolean;
  readonly createdAt: number;
}

/** A key pair of a user. `revision` is raised by each rotation, so that what was derived from the old secret can be told apart. */
export interface AccessKeyRecord {
  readonly accessKeyId: string;
  readonly userId: string;
  /** Sealed. */
  readonly secret: string;
  readonly disabled: boolean;
  readonly createdAt: number;
  readonly lastRotatedAt?: number;
  readonly revision: number;
}

/** The control plane's row of a bucket: it reserves the name. The data path uses the index's bucket document instead. */
export interface BucketRecord {
  readonly id: BucketId;
  readonly name: string;
  readonly state: BucketState;
  readonly ownerId: string;
  readonly type: BackendType;
  /** Home backend id. */
  readonly backendId: string;
  /** Tier policy name. */
  readonly policy?: string;
  readonly createdAt: number;
}

/** The lifecycle rules of a bucket, in order; their form is libs/tiering's. */
export interface LifecycleRecord {
  readonly bucketId: BucketId;
  readonly rules: readonly unknown[];
  readonly updatedAt: number;
  readonly lastRunAt?: number;
}

/** What a bucket or a user may ask and have; what is absent is not limited. */
export interface LoadLimits {
  /** Requests a second. */
  readonly requestsPerSecond?: number;
  /** Bytes of content a second, up and down together. */
  readonly bytesPerSecond?: number;
  /** Objects stored. */
  readonly objects?: number;
  /** Bytes stored, as the sizes of objects tell. */
  readonly bytes?: number;
}

/** Whose limits they are. */
export type LimitedSubject = { readonly bucketId: BucketId } | { readonly userId: string };

export interface LimitsRecord extends LoadLimits {
  readonly subject: LimitedSubject;
  readonly updatedAt: number;
}

/** The limits of a bucket, with what must be known of it to apply them. */
export interface BucketLimits extends LoadLimits {
  readonly id: BucketId;
  readonly ownerId: string;
}

export const MASTER_KEY_STATES = ['current', 'retiring', 'retired'] as const;
export type MasterKeyState = (typeof MASTER_KEY_STATES)[number];

/** A master key by its id; the key itself is never stored. */
export interface MasterKeyRecord {
  readonly id: string;
  /** `current`: seals from now on. `retiring`: something may still be sealed by it. `retired`: nothing is. */
  readonly state: MasterKeyState;
  readonly createdAt: number;
  readonly retiredAt?: number;
}

/** One consistent reading of all that a process acts on. Equal revisions mean equal content. */
export interface ConfigurationSnapshot {
  readonly revision: string;
  readonly backends: readonly BackendRecord[];
  readonly tiers: readonly TierPolicyRecord[];
  readonly users: readonly UserRecord[];
  readonly keys: readonly AccessKeyRecord[];
  readonly masterKeys: readonly MasterKeyRecord[];
  readonly backendById: ReadonlyMap<string, BackendRecord>;
  readonly backendByName: ReadonlyMap<string, BackendRecord>;
  readonly userById: ReadonlyMap<string, UserRecord>;
  readonly keyById: ReadonlyMap<string, AccessKeyRecord>;
  /** By the bucket's name; only buckets that have limits. */
  readonly bucketLimits: ReadonlyMap<string, BucketLimits>;
  /** By the user's id; only users that have limits. */
  readonly userLimits: ReadonlyMap<string, LoadLimits>;
}
