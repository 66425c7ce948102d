import type { BackendType, S3Profile } from '#libs/naming';
import type { BucketId, BucketState } from '../object-index/records.js';
import type { AccessKeyEntity } from './entities/access-key.entity.js';
import type { BackendEntity } from './entities/backend.entity.js';
import type { BucketEntity } from './entities/bucket.entity.js';
import type { JobEntity } from './entities/job.entity.js';
import type { LifecycleEntity } from './entities/lifecycle.entity.js';
import type { LimitsEntity } from './entities/limits.entity.js';
import type { MasterKeyEntity } from './entities/master-key.entity.js';
import type { TierPolicyEntity } from './entities/tier-policy.entity.js';
import type { UserEntity } from './entities/user.entity.js';
import type { JobRecord, JobState, JobType, JobWish } from './job-records.js';
import { restored } from './stores/stored-json.js';
import type {
  AccessKeyRecord,
  BackendRecord,
  BackendState,
  BucketRecord,
  LifecycleRecord,
  LimitsRecord,
  LoadLimits,
  MasterKeyRecord,
  MasterKeyState,
  TierPolicyRecord,
  UserRecord,
  UserRole,
} from './records.js';

/**
 * Rows to records. The unions of words are asserted, not checked: only this lib writes the tables, and their CHECK constraints hold the words
 * that matter to it.
 */

export function toMasterKey(row: MasterKeyEntity): MasterKeyRecord {
  const { id, state, createdAt, retiredAt } = row;
  return {
    id,
    state: state as MasterKeyState,
    createdAt: createdAt.getTime(),
    ...(retiredAt === null ? {} : { retiredAt: retiredAt.getTime() }),
  };
}

/** The entries that have a value; a null column is an absent field. */
export function present<T extends object>(fields: { [K in keyof T]: T[K] | null }): Partial<T> {
  const kept: Partial<T> = {};
  for (const key in fields) {
    const value = fields[key];
    if (value !== null) kept[key] = value;
  }
  return kept;
}

export const time = (date: Date | null): number | null => date?.getTime() ?? null;

export function toBackend(row: BackendEntity): BackendRecord {
  return {
    id: row.id,
    name: row.name,
    type: row.type as BackendType,
    options: row.options,
    credentials: row.credentials,
    capabilities: row.capabilities,
    state: row.state as BackendState,
    createdAt: row.createdAt.getTime(),
    revision: row.revision,
    ...present({
      profile: row.profile as S3Profile | null,
      endpoint: row.endpoint,
      region: row.region,
      lastCheckedAt: time(row.lastCheckedAt),
      lastCheckError: row.lastCheckError,
    }),
  };
}

export function toTierPolicy(row: TierPolicyEntity): TierPolicyRecord {
  const { name, description, classes, attributes, backends, revision } = row;
  return { name, description, classes, attributes, backends, revision, updatedAt: row.updatedAt.getTime() };
}

export function toUser(row: UserEntity): UserRecord {
  const { id, name, disabled } = row;
  return { id, name, role: row.role as UserRole, disabled, createdAt: row.createdAt.getTime() };
}

export function toAccessKey(row: AccessKeyEntity): AccessKeyRecord {
  const { accessKeyId, userId, secret, disabled, revision } = row;
  const createdAt = row.createdAt.getTime();
  return {
    ...{ accessKeyId, userId, secret, disabled, revision, createdAt },
    ...present({ lastRotatedAt: time(row.lastRotatedAt) }),
  };
}

export function toBucket(row: BucketEntity): BucketRecord {
  const { name, ownerId, backendId } = row;
  return {
    id: row.id as BucketId,
    ...{ name, ownerId, backendId },
    state: row.state as BucketState,
    type: row.type as BackendType,
    createdAt: row.createdAt.getTime(),
    ...present({ policy: row.policy }),
  };
}

export function toLifecycle(row: LifecycleEntity): LifecycleRecord {
  return {
    bucketId: row.bucketId as BucketId,
    rules: row.rules,
    updatedAt: row.updatedAt.getTime(),
    ...present({ lastRunAt: time(row.lastRunAt) }),
  };
}

export function toLoadLimits(row: LimitsEntity): LoadLimits {
  const whole = (value: string | null): number | null => (value === null ? null : Number(value));
  const { requestsPerSecond, bytesPerSecond } = row;
  return present({ requestsPerSecond, bytesPerSecond, objects: whole(row.objects), bytes: whole(row.bytes) });
}

export function toLimits(row: LimitsEntity): LimitsRecord {
  const { bucketId, userId } = row;
  const subject = bucketId === null ? { userId: userId ?? row.id } : { bucketId: bucketId as BucketId };
  return { ...toLoadLimits(row), subject, updatedAt: row.updatedAt.getTime() };
}

export function toJob(row: JobEntity): JobRecord {
  const { id, payload, checkpoint, progress, failures, fence, failedAttempts } = row;
  return {
    ...{ id, payload, progress, fence, failedAttempts },
    // They may name keys of any characters.
    checkpoint: restored(checkpoint),
    failures: restored(failures),
    type: row.type as JobType,
    state: row.state as JobState,
    wish: row.wish as JobWish,
    createdAt: row.createdAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
    ...present({
      bucketId: row.bucketId,
      error: row.error,
      workerId: row.workerId,
      heartbeatAt: time(row.heartbeatAt),
      createdBy: row.createdBy,
      trace: row.trace,
    }),
  };
}
