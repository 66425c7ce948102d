import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { SYSTEM_CLOCK, type ControlPlaneClock } from './clock.js';
import { ConfigurationCache } from './configuration-cache.js';
import { ConfigurationListener } from './configuration-listener.js';
import { PostgresConfigurationSource } from './configuration-source.js';
import { createDataSource, migrate, type PostgresConnection } from './data-source.js';
import { DeploymentEntity } from './entities/deployment.entity.js';
import { exclusively } from './exclusively.js';
import { attempt, required } from './failures.js';
import { hearLateErrors, isClientPool } from './late-errors.js';
import type { ControlPlane } from './ports.js';
import { PostgresAccessKeyStore } from './stores/access-keys.js';
import { PostgresAuditStore } from './stores/audit.js';
import { PostgresBackendStore } from './stores/backends.js';
import { PostgresBucketStore } from './stores/buckets.js';
import { PostgresEventStore } from './stores/events.js';
import { PostgresJobStore } from './stores/jobs.js';
import { PostgresLifecycleStore } from './stores/lifecycles.js';
import { PostgresLimitsStore } from './stores/limits.js';
import { PostgresMasterKeyStore } from './stores/master-keys.js';
import { PostgresTierPolicyStore } from './stores/tier-policies.js';
import { PostgresUploadStore } from './stores/uploads.js';
import { PostgresUsageStore } from './stores/usage.js';
import { PostgresUserStore } from './stores/users.js';

export interface ControlPlaneOptions {
  readonly connection: PostgresConnection;
  /** Connections of the pool; two more are held for the configuration. Default 5, at least 2: migrating takes two. */
  readonly poolSize?: number;
  readonly clock?: ControlPlaneClock;
  readonly newId?: () => string;
  /** The `traceparent` of what runs now, to be kept with the jobs that it makes. */
  readonly currentTrace?: (() => string | undefined) | undefined;
  /** Told of connections that were lost and will be made again; for a log. */
  readonly onTrouble?: (error: Error) => void;
}

const DEFAULT_POOL_SIZE = 5;

async function connect(dataSource: DataSource): Promise<string> {
  await dataSource.initialize();
  const { master } = dataSource.driver as { readonly master?: unknown };
  if (isClientPool(master)) hearLateErrors(master);
  await migrate(dataSource);
  const [deployment] = await dataSource.getRepository(DeploymentEntity).find({ take: 1 });
  return required('deployment', deployment).id;
}

function indexKindIn(dataSource: DataSource): Pick<ControlPlane, 'indexKind' | 'setIndexKind'> {
  const rows = dataSource.getRepository(DeploymentEntity);
  return {
    indexKind: async () => {
      const [deployment] = await attempt('deployment', () => rows.find({ take: 1 }));
      return deployment?.indexKind ?? undefined;
    },
    setIndexKind: async (indexKind) => {
      await attempt('deployment', () => rows.createQueryBuilder().update().set({ indexKind }).execute());
    },
  };
}

/** Ends a data source that may never have been connected. */
async function disconnect(dataSource: DataSource): Promise<void> {
  if (dataSource.isInitialized) await dataSource.destroy();
}

/**
 * Connects, migrates and opens the control plane. Fails with `unavailable` if Postgres cannot be reached now, `incompatible` if a newer Spumoni
 * wrote the data. Once open, it outlives outages: calls fail with `unavailable` while Postgres is away and succeed after.
 */
export async function openControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { connection, clock = SYSTEM_CLOCK, newId = randomUUID, onTrouble = () => undefined } = options;
  const poolSize = Math.max(2, options.poolSize ?? DEFAULT_POOL_SIZE);
  const dataSource = createDataSource({ connection, poolSize, onTrouble });
  const deploymentId = await attempt('control plane', () => connect(dataSource)).catch(async (error: unknown) => {
    await disconnect(dataSource);
    throw error;
  });
  const source = new PostgresConfigurationSource(dataSource, connection, onTrouble);
  const configuration = new ConfigurationCache(source, () => clock.monotonic());
  const listener = new ConfigurationListener(connection, () => configuration.announceChange(), onTrouble);
  await listener.start();
  const context = { dataSource, clock, newId, currentTrace: options.currentTrace };
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await listener.close();
    await source.close();
    await disconnect(dataSource);
  };
  return {
    deploymentId,
    ...indexKindIn(dataSource),
    backends: new PostgresBackendStore(context),
    tiers: new PostgresTierPolicyStore(context),
    users: new PostgresUserStore(context),
    keys: new PostgresAccessKeyStore(context),
    masterKeys: new PostgresMasterKeyStore(context),
    buckets: new PostgresBucketStore(context),
    lifecycles: new PostgresLifecycleStore(context),
    limits: new PostgresLimitsStore(context),
    jobs: new PostgresJobStore(context),
    audit: new PostgresAuditStore(context),
    usage: new PostgresUsageStore(context),
    events: new PostgresEventStore(context),
    uploads: new PostgresUploadStore(context),
    configuration,
    exclusively: (name, work) => exclusively(dataSource, name, work),
    ping: async () => {
      try {
        await dataSource.query('SELECT 1');
        return true;
      } catch {
        // The answer to "can it be reached" is no, whatever the reason.
        return false;
      }
    },
    close: () => (closing ??= close()),
  };
}
