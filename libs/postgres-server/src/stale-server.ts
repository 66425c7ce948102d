import { readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const pollMs = 20;

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

/** The number in a pid file, NaN if there is none in it; undefined without a file, which an ending server removes at any moment. */
function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8').split('\n', 1)[0]);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

/** True if the process is a Postgres server of this very directory, and not a stranger that got the number later. */
function servesDirectory(pid: number, directory: string): boolean {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout.includes('postgres') && stdout.includes(directory);
  }
  try {
    const name = readFileSync(`/proc/${String(pid)}/comm`, 'utf8').trim();
    return name === 'postgres' && readlinkSync(`/proc/${String(pid)}/cwd`) === realpathSync(directory);
  } catch {
    // The process has gone meanwhile, or belongs to somebody else: either way it is not our server.
    return false;
  }
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** Where a server of this very directory that runs now takes calls; undefined if none does, or it is still starting. */
export function findRunningServer(directory: string): { readonly host: string; readonly port: number } | undefined {
  const file = join(directory, 'postmaster.pid');
  const pid = readPid(file);
  if (pid === undefined || !Number.isInteger(pid) || !isAlive(pid) || !servesDirectory(pid, directory))
    return undefined;
  // Process, directory, start, port, socket directory, …, and how far it is: see miscadmin.h of Postgres.
  const [, , , port, host, , , status] = readFileSync(file, 'utf8').split('\n');
  return host === undefined || status?.trim() !== 'ready' ? undefined : { host, port: Number(port) };
}

/** One that has ended but is not collected by a lazy first process of a container serves no more, and counts as gone. */
async function waitUntilGone(pid: number, directory: string, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  const serves = (): boolean => isAlive(pid) && servesDirectory(pid, directory);
  while (serves() && Date.now() < deadline) await pause(pollMs);
  return !serves();
}

/**
 * Clears what a former server left in the directory. One that still runs (its starter was killed a moment ago) is stopped and
 * waited for; a `postmaster.pid` whose number now belongs to another program is deleted, since Postgres would refuse to start.
 * The caller holds the data directory, so a running server can only be a leftover. Throws if it does not end in `timeoutMs`.
 */
export async function clearFormerServer(directory: string, timeoutMs = 30_000): Promise<void> {
  const file = join(directory, 'postmaster.pid');
  const pid = readPid(file);
  if (pid === undefined) return;
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid) || !servesDirectory(pid, directory)) {
    rmSync(file, { force: true });
    return;
  }
  // Each signal is a harder one: end sessions and check-point, then stop at once and recover at the next start.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    signalIfAlive(pid, signal);
    if (await waitUntilGone(pid, directory, timeoutMs / 2)) return;
  }
  throw new Error(`a former Postgres (process ${String(pid)}) on ${directory} does not end; stop it and start again`);
}
