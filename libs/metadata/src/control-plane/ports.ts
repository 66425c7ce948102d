import type { IndexKind } from '../object-index/index-archive.js';
import type { BucketId, BucketState } from '../object-index/records.js';
import type { TierPolicy } from '#libs/tiering';
import type { AuditStore } from './audit-store.js';
import type { ConfigurationCache } from './configuration-cache.js';
import type { EventStore } from './event-store.js';
import type { JobStore } from './job-store.js';
import type { SeenDirectories } from './seen-directories.js';
import type { Page, PageRequest } from './paging.js';
import type { UploadStore } from './upload-store.js';
import type { UsageStore } from './usage-store.js';
import type {
  AccessKeyRecord,
  BackendRecord,
  BucketRecord,
  LifecycleRecord,
  LimitedSubject,
  LimitsRecord,
  LoadLimits,
  MasterKeyRecord,
  TierPolicyRecord,
  UserRecord,
  UserRole,
} from './records.js';

/** Every call of every port here fails with `ControlPlaneError`; `unavailable` while Postgres is away, without harm to later calls. */

/** `id` is the caller's to choose, for credentials are sealed for it; else one is made. */
export type NewBackend = Omit<BackendRecord, 'id' | 'createdAt' | 'revision'> & { readonly id?: string };
/** Fields to set; `undefined` clears an optional one, an absent one stays. */
export type BackendChange = { [K in Exclude<keyof NewBackend, 'id' | 'name' | 'type'>]?: NewBackend[K] | undefined };

/** Registered backends, by name. */
export interface BackendStore {
  /** `exists` if the name is taken; `conflict` if other directories than those that were looked at are in use by now. */
  create(backend: NewBackend, seen?: SeenDirectories): Promise<BackendRecord>;
  get(name: string): Promise<BackendRecord>;
  find(name: string): Promise<BackendRecord | undefined>;
  findById(id: string): Promise<BackendRecord | undefined>;
  /**
   * `conflict` unless the stored revision is the expected one: a check that ran on old credentials cannot overwrite new ones. `conflict`, too, if other directories than those that were looked at
   * are in use by now.
   */
  update(id: string, expectedRevision: number, change: BackendChange, seen?: SeenDirectories): Promise<BackendRecord>;
  /** `in-use` while a bucket's home is there. */
  delete(id: string): Promise<void>;
  list(page: PageRequest): Promise<Page<BackendRecord>>;
}

/** Tier policies. Names are unique and found whatever their case; the case of the first writer is kept. */
export interface TierPolicyStore {
  /** Makes or replaces the policy; `expectedRevision`, if given, must be the stored one, else `conflict`. */
  put(
    policy: TierPolicy,
    expectedRevision?: number,
  ): Promise<{ readonly policy: TierPolicyRecord; readonly created: boolean }>;
  get(name: string): Promise<TierPolicyRecord>;
  find(name: string): Promise<TierPolicyRecord | undefined>;
  /** `in-use` while a bucket has the policy. */
  delete(name: string): Promise<void>;
  list(page: PageRequest): Promise<Page<TierPolicyRecord>>;
  /** Makes the policies on the first start of a deployment only, whichever process comes first: what an administrator deleted stays deleted. True if this call did it. */
  seed(policies: readonly TierPolicy[]): Promise<boolean>;
}

export interface NewUser {
  readonly name: string;
  readonly role: UserRole;
  /** Made in the same transaction, so that no user is left without. */
  readonly key?: NewAccessKey;
}

/**
 * Users. Update and delete, here and of keys, keep one administrator: where afterwards no enabled administrator with an enabled key
 * would be left, they change nothing and fail with `last-administrator`, also when two run at once.
 */
export interface UserStore {
  create(user: NewUser): Promise<UserRecord>;
  get(id: string): Promise<UserRecord>;
  find(name: string): Promise<UserRecord | undefined>;
  findById(id: string): Promise<UserRecord | undefined>;
  update(id: string, change: { readonly role?: UserRole; readonly disabled?: boolean }): Promise<UserRecord>;
  /** Deletes the user's keys as well; `in-use` while the user owns a bucket. */
  delete(id: string): Promise<void>;
  list(page: PageRequest): Promise<Page<UserRecord>>;
  /** Makes the user only if there is no administrator at all; undefined if there is one. Of several processes, one succeeds. */
  createFirstAdministrator(user: Omit<NewUser, 'role'>): Promise<UserRecord | undefined>;
}

export interface NewAccessKey {
  readonly accessKeyId: string;
  /** Sealed. */
  readonly secret: string;
}

export interface AccessKeyStore {
  /** `exists` if the id is taken, `not-found` if the user is not there. */
  create(userId: string, key: NewAccessKey): Promise<AccessKeyRecord>;
  get(accessKeyId: string): Promise<AccessKeyRecord>;
  find(accessKeyId: string): Promise<AccessKeyRecord | undefined>;
  /** Replaces the sealed secret, whatever it was; the old one opens nothing from then on. */
  rotate(accessKeyId: string, sealedSecret: string): Promise<AccessKeyRecord>;
  /** Replaces one sealed form of the same secret by another; false, and nothing changed, unless the stored one is `from`. The key's revision stays. */
  reseal(accessKeyId: string, from: string, to: string): Promise<boolean>;
  setDisabled(accessKeyId: string, disabled: boolean): Promise<AccessKeyRecord>;
  delete(accessKeyId: string): Promise<void>;
  list(page: PageRequest & { readonly userId?: string }): Promise<Page<AccessKeyRecord>>;
}

/** The ids of master keys, and which of them seals. */
export interface MasterKeyStore {
  /** Oldest first. */
  list(): Promise<readonly MasterKeyRecord[]>;
  /** Records the deployment's first keys, of which the first becomes current; changes nothing if there are any. Answers what there is. */
  begin(ids: readonly string[]): Promise<readonly MasterKeyRecord[]>;
  /** Makes a key current, new or not; what was current is retiring from then on. */
  makeCurrent(id: string): Promise<readonly MasterKeyRecord[]>;
  /** Nothing is sealed by the keys that were retiring any more. */
  retire(): Promise<readonly MasterKeyRecord[]>;
}

export interface NewBucket {
  readonly id?: BucketId;
  readonly name: string;
  readonly state: BucketState;
  readonly ownerId: string;
  readonly type: BucketRecord['type'];
  readonly backendId: string;
  readonly policy?: string;
}

/** Bucket rows. A row reserves its name from creation to deletion (A0.1). */
export interface BucketStore {
  /** `exists` if the name is reserved; `not-found` if owner, backend or policy is not there. */
  create(bucket: NewBucket): Promise<BucketRecord>;
  get(name: string): Promise<BucketRecord>;
  find(name: string): Promise<BucketRecord | undefined>;
  findById(id: BucketId): Promise<BucketRecord | undefined>;
  /** `conflict` if `from` is given and the bucket is in another state: of two deletions, one begins. */
  update(id: BucketId, change: BucketChange): Promise<BucketRecord>;
  /** Frees the name. Its lifecycle goes with it; its jobs stay as history. */
  delete(id: BucketId): Promise<void>;
  list(
    page: PageRequest & { readonly ownerId?: string; readonly backendId?: string; readonly policy?: string },
  ): Promise<Page<BucketRecord>>;
}

export interface BucketChange {
  readonly state?: BucketState;
  /** The state the bucket must be in for the change to be made. */
  readonly from?: BucketState;
  readonly backendId?: string;
  readonly type?: BucketRecord['type'];
  readonly policy?: string | null;
}

export interface LifecycleStore {
  /** Replaces the rules; `not-found` if the bucket is not there. `lastRunAt` stays. */
  put(bucketId: BucketId, rules: readonly unknown[]): Promise<LifecycleRecord>;
  find(bucketId: BucketId): Promise<LifecycleRecord | undefined>;
  markRun(bucketId: BucketId, at: number): Promise<void>;
  /** `not-found` if the bucket has no rules. */
  delete(bucketId: BucketId): Promise<void>;
  list(page: PageRequest): Promise<Page<LifecycleRecord>>;
}

/** Rates and quotas. They go with the bucket or user that they are of. */
export interface LimitsStore {
  /** Replaces all limits; with none the record goes. `not-found` if there is no such bucket or user. */
  put(subject: LimitedSubject, limits: LoadLimits): Promise<void>;
  find(subject: LimitedSubject): Promise<LimitsRecord | undefined>;
}

/** All that is not an object record: who, where, what for, and what is being done. */
export interface ControlPlane {
  readonly deploymentId: string;
  /** Where the deployment's object index lies; undefined until somebody has said so. */
  indexKind(): Promise<IndexKind | undefined>;
  /** Says where it lies from now on. */
  setIndexKind(kind: IndexKind): Promise<void>;
  readonly backends: BackendStore;
  readonly tiers: TierPolicyStore;
  readonly users: UserStore;
  readonly keys: AccessKeyStore;
  readonly masterKeys: MasterKeyStore;
  readonly buckets: BucketStore;
  readonly lifecycles: LifecycleStore;
  readonly limits: LimitsStore;
  readonly jobs: JobStore;
  readonly audit: AuditStore;
  readonly usage: UsageStore;
  readonly events: EventStore;
  readonly uploads: UploadStore;
  readonly configuration: ConfigurationCache;
  /** Does the work unless another process does work of that name now; then undefined. It spares waste; it is no guard. Holds a connection meanwhile. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T | undefined>;
  /** True when a query succeeds now; never throws. */
  ping(): Promise<boolean>;
  /** Closes all connections; safe to call twice. */
  close(): Promise<void>;
}
