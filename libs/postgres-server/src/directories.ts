import { chmodSync, chownSync, closeSync, fsyncSync, lstatSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerUser } from './server-user.js';

/** A socket's path has at most 103 bytes on macOS and 107 on Linux; `/.s.PGSQL.5432.lock` takes 19 of them. */
const longestSocketDirectory = 84;

/** Gives a directory to the server alone. */
function giveTo(user: ServerUser, path: string): void {
  if (user.uid !== undefined && user.gid !== undefined) chownSync(path, user.uid, user.gid);
  chmodSync(path, 0o700);
}

/** Makes a directory that only the server (and root) can enter, if it is not there yet. */
export function makePrivateDirectory(path: string, user: ServerUser): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  giveTo(user, path);
}

/** A new directory of mode 0700 whose path is short enough for a socket, under the system's temporary directory. */
export function makeSocketDirectory(user: ServerUser): string {
  const parent = [tmpdir(), '/tmp'].find(
    (path) => Buffer.byteLength(path) + '/spumoni-XXXXXX'.length <= longestSocketDirectory,
  );
  const directory = mkdtempSync(join(parent ?? '/tmp', 'spumoni-'));
  giveTo(user, directory);
  return directory;
}

/**
 * Makes the socket directory of an earlier server again, which took it away with it. Its parent is open to everybody, and its name has been seen: throws if somebody else has put something in
 * its place, be it a link, which to follow would give what it leads to away.
 */
export function remakeSocketDirectory(path: string, user: ServerUser): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST')) throw error;
    const found = lstatSync(path);
    const isOurs = found.uid === process.getuid?.() || found.uid === user.uid;
    if (!found.isDirectory() || !isOurs)
      throw new Error(`somebody else has taken the place of Postgres's socket directory ${path}`, { cause: error });
  }
  giveTo(user, path);
}

/** Makes a rename or a creation inside `path` survive a loss of power. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * How the server names its own directory. Under another account the parents may be closed to it (root's home is), so it is
 * started inside the directory and reaches it through its working directory, which needs no way through the parents.
 */
export function directoryAsSeenBy(user: ServerUser, directory: string): string {
  return user.uid !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : directory;
}
