import { mkdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findBinaries } from './binaries.js';
import type { PostgresConnection } from './connection.js';
import { directoryAsSeenBy, makePrivateDirectory, makeSocketDirectory, remakeSocketDirectory } from './directories.js';
import { startGuarded, type GuardedProcess } from './guarded-process.js';
import { initialise, isInitialised } from './initialise.js';
import { findServerUser } from './server-user.js';
import { clearFormerServer, findRunningServer } from './stale-server.js';

/** What to start, and where. */
export interface EmbeddedPostgresOptions {
  /** The cluster's own directory, made on first use. The caller must be the only one to use it. */
  readonly dataDirectory: string;
  /** Where it listens: the `host` of an earlier server, so that those who knew that one find this. A new directory if absent. */
  readonly socketDirectory?: string;
  /** Default 200. */
  readonly maxConnections?: number;
  /** Default true. False skips every sync: quick, and lost with the power; for tests. */
  readonly durable?: boolean;
  /** Gets each line of the server's log. */
  readonly onLog?: (line: string) => void;
  /** How long a start may take, recovery after a crash included; default 60,000. */
  readonly startTimeoutMs?: number;
}

/** A running Postgres that ends with this process, however this process ends. */
export interface EmbeddedPostgres {
  readonly connection: PostgresConnection;
  /** Resolves when the server is gone, stopped or not, with a word on how it ended; never rejects. */
  readonly ended: Promise<string>;
  /** Ends sessions, writes everything down and stops, in at most `timeoutMs` (default 20,000), then by force. Idempotent. */
  stop(timeoutMs?: number): Promise<void>;
}

const name = 'spumoni';
const port = 5432;
const ready = 'database system is ready to accept connections';
const keptLines = 20;

function serverArguments(options: EmbeddedPostgresOptions, seen: string, socketDirectory: string): string[] {
  const settings = {
    listen_addresses: '',
    unix_socket_permissions: '0700',
    max_connections: String(options.maxConnections ?? 200),
    log_checkpoints: 'off',
    // A failing statement's text may hold what must not reach a log.
    log_min_error_statement: 'panic',
    ...(options.durable === false ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  return ['-D', seen, '-k', socketDirectory, '-p', String(port), ...flags];
}

/** Resolves true after `ms`, and is cancelled by `cancel`. */
function timer(ms: number): { readonly elapsed: Promise<'late'>; cancel(): void } {
  const { promise, resolve: ring } = Promise.withResolvers<'late'>();
  const handle = setTimeout(() => ring('late'), ms);
  return { elapsed: promise, cancel: () => clearTimeout(handle) };
}

async function stopWithin(server: GuardedProcess, ms: number): Promise<void> {
  server.release();
  const limit = timer(ms);
  const outcome = await Promise.race([server.ended, limit.elapsed]);
  limit.cancel();
  if (outcome === 'late') server.kill();
  await server.ended;
}

/** The connection to the server that another process has started in the directory and that runs now; undefined if there is none. */
export function findEmbeddedPostgres(dataDirectory: string): PostgresConnection | undefined {
  const found = findRunningServer(resolve(dataDirectory));
  return found && { ...found, user: name, database: name };
}

/**
 * Starts Postgres in `dataDirectory`, making a cluster with the user and the database `spumoni` on first use (about half a
 * second; later starts take some 30 ms). It listens on a socket in a private directory and on no network. As root it runs under
 * the account `postgres` or `nobody`. A server left behind by a killed process is stopped first, a stale pid file cleared.
 * Rejects with the last lines of the server's log if it does not come up.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const directory = resolve(options.dataDirectory);
  const user = findServerUser();
  const binaries = findBinaries(user);
  mkdirSync(dirname(directory), { recursive: true });
  if (isInitialised(directory)) {
    makePrivateDirectory(directory, user);
    await clearFormerServer(directory);
  } else {
    await initialise({ directory, user: name, database: name, durable: options.durable !== false }, binaries, user);
  }
  const socketDirectory = options.socketDirectory ?? makeSocketDirectory(user);
  if (options.socketDirectory !== undefined) remakeSocketDirectory(socketDirectory, user);
  const up = Promise.withResolvers<'up'>();
  const lastLines: string[] = [];
  const server = startGuarded({
    program: binaries.postgres,
    args: serverArguments(options, directoryAsSeenBy(user, directory), socketDirectory),
    cwd: directory,
    socketDirectory,
    user,
    onLine: (line) => {
      lastLines.push(line);
      if (lastLines.length > keptLines) lastLines.shift();
      options.onLog?.(line);
      if (line.includes(ready)) up.resolve('up');
    },
  });
  const startTimeoutMs = options.startTimeoutMs ?? 60_000;
  const limit = timer(startTimeoutMs);
  const outcome = await Promise.race([up.promise, server.ended, limit.elapsed]);
  limit.cancel();
  if (outcome !== 'up') {
    const what =
      outcome === 'late' ? `was not ready after ${String(startTimeoutMs / 1000)} s` : `ended with ${outcome}`;
    await stopWithin(server, 5_000);
    rmSync(socketDirectory, { recursive: true, force: true });
    throw new Error(`the embedded Postgres on ${directory} ${what}: ${lastLines.join('\n')}`);
  }
  return {
    connection: { host: socketDirectory, port, user: name, database: name },
    ended: server.ended,
    async stop(timeoutMs = 20_000) {
      await stopWithin(server, timeoutMs);
      rmSync(socketDirectory, { recursive: true, force: true });
    },
  };
}
