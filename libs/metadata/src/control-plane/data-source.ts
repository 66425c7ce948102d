import type { PeerCertificate } from 'node:tls';
import { DataSource, type QueryRunner } from 'typeorm';
import { ControlPlaneError } from './errors.js';
import { codeOf } from './failures.js';
import { ENTITIES } from './entities/index.js';
import { MIGRATIONS } from './migrations/index.js';
import { PromptClient } from './prompt-client.js';

/** How to reach a Postgres. A `host` that begins with `/` is a socket directory; `port` names the socket file there. */
export interface PostgresConnection {
  readonly host: string;
  readonly port?: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
  /** How the connection is encrypted, in the words of the `pg` driver; absent: it is not. */
  readonly ssl?: {
    readonly rejectUnauthorized: boolean;
    readonly ca?: string;
    readonly checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined;
  };
}

/** Any number that nothing else on this database uses; the same in every version of Spumoni. */
export const MIGRATION_LOCK = 7_368_750_001;
export const ADMINISTRATOR_LOCK = 7_368_750_002;
export const DIRECTORY_LOCK = 7_368_750_003;

/** Longer than any query of ours; a server that is silent for longer counts as away. */
const QUERY_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const LOCK_STEP = '5s';
const LOCK_NOT_AVAILABLE = '55P03';
export const MIGRATIONS_TABLE = 'schema_migration';

export interface DataSourceSettings {
  readonly connection: PostgresConnection;
  readonly poolSize: number;
  /** Told of connections lost while idle. They are replaced when next needed: nothing is to be done. */
  readonly onTrouble: (error: Error) => void;
  /** All by default; fewer to make the tables as an earlier version had them. */
  readonly migrations?: readonly (typeof MIGRATIONS)[number][];
}

/** A data source for the control plane, not yet connected. */
export function createDataSource({
  connection,
  poolSize,
  onTrouble,
  migrations = MIGRATIONS,
}: DataSourceSettings): DataSource {
  const { user, ...place } = connection;
  return new DataSource({
    type: 'postgres',
    ...place,
    username: user,
    applicationName: 'spumoni-control-plane',
    entities: ENTITIES,
    migrations: [...migrations],
    migrationsTableName: MIGRATIONS_TABLE,
    migrationsRun: false,
    synchronize: false,
    installExtensions: false,
    logging: false,
    poolSize,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    poolErrorHandler: (error: unknown) => onTrouble(error instanceof Error ? error : new Error(String(error))),
    extra: { query_timeout: QUERY_TIMEOUT_MS, keepAlive: true, allowExitOnIdle: true, Client: PromptClient },
  });
}

async function appliedMigrations(dataSource: DataSource, runner: QueryRunner): Promise<string[]> {
  const [table] = await dataSource.query<{ there: boolean }[]>(
    `SELECT to_regclass($1) IS NOT NULL AS there`,
    [MIGRATIONS_TABLE],
    runner,
  );
  if (table?.there !== true) return [];
  const sql = `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`;
  return (await dataSource.query<{ name: string }[]>(sql, [], runner)).map((row) => row.name);
}

/** Waits for the lock in bounded steps, so that no query is silent for longer than the time allowed. */
async function lock(runner: QueryRunner): Promise<void> {
  await runner.query(`SET lock_timeout = '${LOCK_STEP}'`);
  for (;;) {
    try {
      await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      break;
    } catch (error) {
      if (codeOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    }
  }
  await runner.query('RESET lock_timeout');
}

async function migrateLocked(dataSource: DataSource, runner: QueryRunner): Promise<void> {
  const known = new Set<string>(MIGRATIONS.map((Migration) => new Migration().name));
  const unknown = (await appliedMigrations(dataSource, runner)).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new ControlPlaneError(
      'incompatible',
      `this data was written by a newer Spumoni (its migrations ${unknown.join(', ')} are unknown here): start that version or a later one`,
    );
  }
  await dataSource.runMigrations({ transaction: 'all' });
}

/**
 * Brings the schema up to this program's version. Of several processes at once, one migrates and the others wait for it. All new migrations
 * run in one transaction. Fails with `incompatible` if a newer program has been here: an older one must not write what it does not understand.
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    await lock(runner);
    try {
      await migrateLocked(dataSource, runner);
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    }
  } finally {
    await runner.release();
  }
}
