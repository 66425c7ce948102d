import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { PostgresBinaries } from './binaries.js';
import { directoryAsSeenBy, makePrivateDirectory, syncDirectory } from './directories.js';
import type { ServerUser } from './server-user.js';

/** What a new cluster is made of. */
export interface ClusterPlan {
  readonly directory: string;
  readonly user: string;
  readonly database: string;
  /** False trades safety for speed: tests only. */
  readonly durable: boolean;
}

/** The environment Postgres gets: nothing of ours leaks in, `PG*` variables and foreign locales least of all. */
export const serverEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
}

/** Runs a program to its end inside `cwd`; rejects with what it said. */
function run({ program, args, input = '' }: Command, cwd: string, user: ServerUser): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...user, cwd, env: serverEnvironment, stdio: ['pipe', 'pipe', 'pipe'] });
    const said: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    // A program that ends before it reads its input says why on its own account.
    child.stdin.on('error', (error) => said.push(Buffer.from(error.message)));
    child.on('error', (cause) => reject(new Error(`${program} did not start`, { cause })));
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(new Error(`${program} ended with ${String(signal ?? code)}: ${Buffer.concat(said).toString().trim()}`));
    });
    child.stdin.end(input);
  });
}

/** True if a whole cluster lies in the directory. */
export function isInitialised(directory: string): boolean {
  return existsSync(join(directory, 'PG_VERSION'));
}

const growingMark = '.new.';

function removeHalfMade(directory: string): void {
  for (const name of readdirSync(dirname(directory))) {
    if (!name.startsWith(basename(directory) + growingMark)) continue;
    rmSync(join(dirname(directory), name), { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Makes a cluster with its user and database, whole or not at all: it grows beside its place and is renamed into it, so a kill
 * half-way leaves only something the next start throws away.
 */
export async function initialise(plan: ClusterPlan, binaries: PostgresBinaries, server: ServerUser): Promise<void> {
  removeHalfMade(plan.directory);
  // A name of its own: an initdb that outlived its killed starter for a moment cannot write into ours.
  const growing = `${plan.directory}${growingMark}${randomBytes(4).toString('hex')}`;
  makePrivateDirectory(growing, server);
  const seen = directoryAsSeenBy(server, growing);
  // Trust is enough: the socket's directory is closed to all but the server's account and root, who could read the files too.
  const args = [
    '-D',
    seen,
    `--username=${plan.user}`,
    '--auth=trust',
    '--encoding=UTF8',
    '--locale=C',
    '--no-instructions',
  ];
  await run({ program: binaries.initdb, args: [...args, ...(plan.durable ? [] : ['--no-sync'])] }, growing, server);
  const single = ['--single', ...(plan.durable ? [] : ['-F']), '-D', seen, 'postgres'];
  await run(
    { program: binaries.postgres, args: single, input: `CREATE DATABASE "${plan.database}";\n` },
    growing,
    server,
  );
  renameSync(growing, plan.directory);
  syncDirectory(dirname(plan.directory));
}
