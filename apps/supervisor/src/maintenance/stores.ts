import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { indexArchiveIn, indexKindOf, makeDataDirectories } from '#libs/deployment';
import type { IndexArchive, PostgresConnection } from '#libs/metadata';
import { findEmbeddedPostgres, parsePostgresUrl, startEmbeddedPostgres } from '#libs/postgres-server';
import type { Settings } from '#libs/settings';
import { DataDirectoryHeldError, lockDataDirectory } from '../data-directory-lock.js';

/** Where a deployment's metadata lies, as long as a command works with it. */
export interface Stores {
  readonly connection: PostgresConnection;
  readonly openIndex: (deployment: string) => Promise<IndexArchive>;
}

const START_PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 100;

/** Opens what the settings name, for reading while the service runs or while it does not. */
export async function withStoresToRead<T>(settings: Settings, work: (stores: Stores) => Promise<T>): Promise<T> {
  const stores = (connection: PostgresConnection): Stores => ({ connection, openIndex: indexArchiveIn(settings) });
  if (indexKindOf(settings) === 'lmdb') requireIndex(settings);
  const { postgresUrl } = settings;
  if (postgresUrl !== undefined) return work(stores(parsePostgresUrl(postgresUrl.reveal())));
  try {
    return await withOwnPostgres(settings, (connection) => work(stores(connection)));
  } catch (error) {
    if (!(error instanceof DataDirectoryHeldError)) throw error;
    return work(stores(await runningPostgres(settings, error)));
  }
}

/** Opens what the settings name, for writing: nobody else may have the data directory, where there is one. */
export async function withStoresToWrite<T>(settings: Settings, work: (stores: Stores) => Promise<T>): Promise<T> {
  const openIndex = indexArchiveIn(settings);
  const { postgresUrl } = settings;
  if (settings.isStateless && postgresUrl !== undefined)
    return work({ connection: parsePostgresUrl(postgresUrl.reveal()), openIndex });
  mkdirSync(settings.dataDirectory, { recursive: true, mode: 0o700 });
  await makeDataDirectories(settings);
  if (postgresUrl === undefined) return withOwnPostgres(settings, (connection) => work({ connection, openIndex }));
  const lock = await lockDataDirectory(settings.dataDirectory);
  try {
    return await work({ connection: parsePostgresUrl(postgresUrl.reveal()), openIndex });
  } finally {
    lock.release();
  }
}

function indexPath({ dataDirectory }: Settings): string {
  return join(dataDirectory, 'index');
}

/** To open an index that is not there would make one. */
function requireIndex(settings: Settings): void {
  if (existsSync(join(indexPath(settings), 'data.mdb'))) return;
  throw new Error(
    `there is no object index in ${indexPath(settings)}: name the data directory by SPUMONI_DATA_DIR, or the MongoDB that holds the index by SPUMONI_MONGODB_URL`,
  );
}

function postgresDirectory({ dataDirectory }: Settings): string {
  return join(dataDirectory, 'postgres');
}

/** Holds the data directory and runs its Postgres meanwhile. */
async function withOwnPostgres<T>(
  settings: Settings,
  work: (connection: PostgresConnection) => Promise<T>,
): Promise<T> {
  const lock = await lockDataDirectory(settings.dataDirectory);
  try {
    const server = await startEmbeddedPostgres({ dataDirectory: postgresDirectory(settings) });
    try {
      return await work(server.connection);
    } finally {
      await server.stop();
    }
  } finally {
    lock.release();
  }
}

/** Somebody holds the directory: then its Postgres runs, or will in a moment. */
async function runningPostgres(settings: Settings, held: DataDirectoryHeldError): Promise<PostgresConnection> {
  const until = performance.now() + START_PATIENCE_MS;
  for (;;) {
    const found = findEmbeddedPostgres(postgresDirectory(settings));
    if (found) return found;
    if (performance.now() > until) throw held;
    await pause(LOOK_EVERY_MS);
  }
}
