import pg from 'pg';
import { In, type DataSource, type EntityManager } from 'typeorm';
import type { ConfigurationSource } from './configuration-cache.js';
import type { PostgresConnection } from './data-source.js';
import { AccessKeyEntity } from './entities/access-key.entity.js';
import { BackendEntity } from './entities/backend.entity.js';
import { BucketEntity } from './entities/bucket.entity.js';
import { LimitsEntity } from './entities/limits.entity.js';
import { MasterKeyEntity } from './entities/master-key.entity.js';
import { TierPolicyEntity } from './entities/tier-policy.entity.js';
import { UserEntity } from './entities/user.entity.js';
import { ConfigRevisionEntity } from './entities/deployment.entity.js';
import { attempt, required } from './failures.js';
import { hearLateErrors } from './late-errors.js';
import { toAccessKey, toBackend, toLoadLimits, toMasterKey, toTierPolicy, toUser } from './mapping.js';
import type { BucketId } from '../object-index/records.js';
import type { BucketLimits, ConfigurationSnapshot, LoadLimits } from './records.js';

/** An answer later than this could not be used any more. */
const REVISION_TIMEOUT_MS = 1_000;

const READ_REVISION = { name: 'spumoni-revision', text: 'SELECT revision::text AS revision FROM config_revision' };

/**
 * Reads the configuration from Postgres. The revision has a connection of its own, with a prepared statement, so that it neither waits behind
 * other work for a pooled connection nor costs more than the round trip.
 */
export class PostgresConfigurationSource implements ConfigurationSource {
  private readonly pool: pg.Pool;

  constructor(
    private readonly dataSource: DataSource,
    connection: PostgresConnection,
    onTrouble: (error: Error) => void,
  ) {
    this.pool = new pg.Pool({
      ...connection,
      max: 1,
      application_name: 'spumoni-configuration',
      connectionTimeoutMillis: REVISION_TIMEOUT_MS,
      query_timeout: REVISION_TIMEOUT_MS,
      keepAlive: true,
      allowExitOnIdle: true,
    });
    this.pool.on('error', onTrouble);
    hearLateErrors(this.pool);
  }

  async readRevision(): Promise<string> {
    return attempt('configuration', async () => {
      const { rows } = await this.pool.query<{ revision: string }>(READ_REVISION);
      return required('configuration', rows[0]).revision;
    });
  }

  async load(): Promise<ConfigurationSnapshot> {
    return attempt('configuration', () => this.dataSource.transaction('REPEATABLE READ', readAll));
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

/** The first read fixes the instant; the others see the same one. */
async function readAll(manager: EntityManager): Promise<ConfigurationSnapshot> {
  const [state] = await manager.find(ConfigRevisionEntity, { take: 1 });
  const { revision } = required('configuration', state);
  const backends = (await manager.find(BackendEntity, { order: { name: 'ASC' } })).map(toBackend);
  const tiers = (await manager.find(TierPolicyEntity, { order: { name: 'ASC' } })).map(toTierPolicy);
  const users = (await manager.find(UserEntity, { order: { name: 'ASC' } })).map(toUser);
  const keys = (await manager.find(AccessKeyEntity, { order: { accessKeyId: 'ASC' } })).map(toAccessKey);
  const masterKeys = (await manager.find(MasterKeyEntity, { order: { createdAt: 'ASC', id: 'ASC' } })).map(toMasterKey);
  return {
    ...{ revision, backends, tiers, users, keys, masterKeys },
    ...(await readLimits(manager)),
    backendById: new Map(backends.map((backend) => [backend.id, backend])),
    backendByName: new Map(backends.map((backend) => [backend.name, backend])),
    userById: new Map(users.map((user) => [user.id, user])),
    keyById: new Map(keys.map((key) => [key.accessKeyId, key])),
  };
}

/** An owner and a name never change, so a bucket's row may be read beside. */
async function readLimits(manager: EntityManager): Promise<Pick<ConfigurationSnapshot, 'bucketLimits' | 'userLimits'>> {
  const rows = await manager.find(LimitsEntity);
  const ids = rows.flatMap(({ bucketId }) => bucketId ?? []);
  const buckets = ids.length === 0 ? [] : await manager.find(BucketEntity, { where: { id: In(ids) } });
  const bucketLimits = new Map<string, BucketLimits>();
  const userLimits = new Map<string, LoadLimits>();
  const limitsById = new Map(rows.map((row) => [row.id, toLoadLimits(row)]));
  for (const { id, name, ownerId } of buckets)
    bucketLimits.set(name, { ...limitsById.get(id), id: id as BucketId, ownerId });
  for (const { id, userId } of rows) if (userId !== null) userLimits.set(userId, limitsById.get(id) ?? {});
  return { bucketLimits, userLimits };
}
