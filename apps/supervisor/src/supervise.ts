import { fork, type ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { postgresUrl } from '#libs/postgres-server';
import { DataDirectoryHeldError, lockDataDirectory } from './data-directory-lock.js';
import { breakWhatItNeverTook } from './handed-connections.js';
import { KeptChild } from './kept-child.js';
import { KeptPostgres } from './kept-postgres.js';
import { LineOfWorkers } from './line-of-workers.js';
import type { AdministratorMessage, ReadyMessage } from './messages.js';
import { SettingsError, type Settings } from '#libs/settings';
import { terminal } from './terminal.js';

/** The programs of the children, as paths. */
export interface Programs {
  readonly api: string;
  readonly worker: string;
}

/** How long each part may take, in milliseconds. The API drains its requests; all together stay below a minute. */
const limits = { start: 120_000, stopApi: 20_000, stopWorker: 15_000, stopPostgres: 20_000 };

/** A durable write waits for the disk on a thread; Node's own four would let only four writes wait at once. An environment that says otherwise wins. */
const THREADS = { UV_THREADPOOL_SIZE: '16' };

/** What runs, in the order of its start. */
interface Running {
  postgres?: KeptPostgres;
  apis: KeptChild[];
  worker?: KeptChild;
}

/** Resolves at the first signal; later ones change nothing (a terminal's Ctrl-C arrives twice under npm). */
function awaitSignal(): Promise<'signal'> {
  const { promise, resolve } = Promise.withResolvers<'signal'>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('signal'));
  return promise;
}

function showAdministrator({ accessKey, secretKey }: AdministratorMessage): void {
  terminal.say('');
  terminal.say('The administrator was made. These credentials are shown this once:');
  terminal.say(`  access key  ${accessKey}`);
  terminal.say(`  secret key  ${secretKey}`);
  terminal.say('');
}

function showAddresses({ url, docs }: ReadyMessage): void {
  if (url === undefined) return;
  terminal.say(`API         ${url}`);
  terminal.say(`Swagger UI  ${docs ?? new URL('/docs', url).href}`);
}

function startPostgres(settings: Settings): Promise<KeptPostgres> {
  return KeptPostgres.start({
    dataDirectory: join(settings.dataDirectory, 'postgres'),
    onLog: (line) => {
      if (/ (FATAL|PANIC): /.test(line)) terminal.problem(`Postgres: ${line}`);
    },
    onEvent: (event) => terminal.problem(`Postgres ${event}`),
  });
}

function childPlan(name: string, spawn: () => ReturnType<typeof fork>): ConstructorParameters<typeof KeptChild>[0] {
  return {
    name,
    spawn,
    startTimeoutMs: limits.start,
    onAdministrator: showAdministrator,
    onEvent: (event) => terminal.problem(`${name} ${event}`),
  };
}

/** API processes share one listening socket, which the supervisor holds as their cluster's primary. */
function planApis(count: number, program: string, env: Record<string, string>): KeptChild[] {
  cluster.setupPrimary({ exec: program, args: [] });
  return Array.from({ length: count }, (_, index) => {
    const name = count === 1 ? 'The API' : `API process ${String(index + 1)}`;
    return new KeptChild(childPlan(name, () => forkApi(env)));
  });
}

function forkApi(env: Record<string, string>): ChildProcess {
  const { process: child } = cluster.fork(env);
  breakWhatItNeverTook(child);
  return child;
}

/** The API makes the administrator; no other process has a use for the keys. */
function withoutRootKeys(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SPUMONI_ROOT_')));
}

async function startAll(settings: Settings, programs: Programs, running: Running): Promise<void> {
  if (settings.postgresUrl === undefined) running.postgres = await startPostgres(settings);
  const url =
    running.postgres === undefined ? settings.postgresUrl?.reveal() : postgresUrl(running.postgres.connection);
  const env = {
    ...THREADS,
    ...settings.childEnvironment(),
    ...(url === undefined ? {} : { SPUMONI_POSTGRES_URL: url }),
  };
  const [first, ...others] = (running.apis = planApis(settings.apiProcesses, programs.api, env));
  // The first alone makes what a first start makes; the others find it made.
  const ready = await first?.start();
  await Promise.all(others.map((api) => api.start()));
  const workers = new LineOfWorkers();
  const forkWorker = (): ChildProcess =>
    workers.start((args) => fork(programs.worker, args, { env: withoutRootKeys(env) }));
  running.worker = new KeptChild(childPlan('The worker', forkWorker));
  await running.worker.start();
  terminal.say('');
  terminal.say(`Spumoni is running. Its data is in ${settings.dataDirectory}. Ctrl-C stops it.`);
  if (ready !== undefined) showAddresses(ready);
}

async function stopAll(running: Running): Promise<void> {
  await Promise.all(running.apis.map((api) => api.stop(limits.stopApi)));
  terminal.say('The API has stopped.');
  await running.worker?.stop(limits.stopWorker);
  terminal.say('The worker has stopped.');
  await running.postgres?.stop(limits.stopPostgres);
  terminal.say('Everything has stopped.');
}

/** Starts everything and keeps it until the end; a signal during the start ends the start too. */
async function runUntilEnd(settings: Settings, programs: Programs): Promise<number> {
  const ended = awaitSignal();
  const running: Running = { apis: [] };
  let stopping = false;
  const started = startAll(settings, programs, running);
  // It may fail because of the stop below; then its failure is not news.
  const failed = started.then(
    () => ended,
    (error: unknown) => {
      if (!stopping) terminal.problem(error instanceof Error ? error.message : String(error));
      return 'lost' as const;
    },
  );
  const end = await Promise.race([ended, failed]);
  stopping = true;
  terminal.say('Stopping …');
  await stopAll(running);
  return end === 'signal' ? 0 : 1;
}

/** A directory that is there already keeps its mode: it may be somebody's home. What must be private in it is so by itself. */
function makeDataDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SettingsError(`SPUMONI_DATA_DIR: ${path} cannot be used: ${reason}`, { cause });
  }
}

/**
 * Runs Spumoni on one machine: locks the data directory, starts Postgres, the API processes and the worker, starts a crashed one
 * again, and on SIGINT, SIGTERM or SIGHUP stops them in order within a minute. Resolves with the exit code: 0 after a signal,
 * 1 if the directory is held by another process, or a part could not start. Throws SettingsError if the directory cannot be used. Everything it started ends with
 * this process even if it is killed: Postgres by its pipe, the children by their channel.
 */
export async function supervise(settings: Settings, programs: Programs): Promise<number> {
  makeDataDirectory(settings.dataDirectory);
  try {
    const lock = await lockDataDirectory(settings.dataDirectory);
    try {
      return await runUntilEnd(settings, programs);
    } finally {
      lock.release();
    }
  } catch (error) {
    if (!(error instanceof DataDirectoryHeldError)) throw error;
    terminal.problem(error.message);
    return 1;
  }
}
