import { AccessKeyEntity } from './access-key.entity.js';
import { AuditEntity } from './audit.entity.js';
import { BackendEntity } from './backend.entity.js';
import { BucketEntity } from './bucket.entity.js';
import { ConfigRevisionEntity, DeploymentEntity } from './deployment.entity.js';
import { JobEntity } from './job.entity.js';
import { LifecycleEntity } from './lifecycle.entity.js';
import { LimitsEntity } from './limits.entity.js';
import { MasterKeyEntity } from './master-key.entity.js';
import { TierPolicyEntity } from './tier-policy.entity.js';
import { UserEntity } from './user.entity.js';

/** Listed one by one: nothing is found by a file pattern at run time. */
export const ENTITIES = [
  DeploymentEntity,
  ConfigRevisionEntity,
  BackendEntity,
  TierPolicyEntity,
  UserEntity,
  AccessKeyEntity,
  BucketEntity,
  LifecycleEntity,
  LimitsEntity,
  JobEntity,
  AuditEntity,
  MasterKeyEntity,
];
