import { fchmodSync, fstatSync, futimesSync } from 'node:fs';
import { lstat, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BackendError } from '../../errors.js';
import type { Call, ObjectRef, WriteResult } from '../../object-backend.js';
import { chunksOfBody } from '../body.js';
import { codeOf } from '../errors.js';
import { stagedName } from '../layout.js';
import type { Place } from '../place.js';
import { cleanUp } from '../staging.js';
import { closeFile, createFile, syncAll, writeFully } from '../syscalls.js';
import { resultOf, underFreshId, type NewFile } from '../write.js';
import { plainToken, type PlainLayout } from './plain-layout.js';
import { fileAt, isInside, standing, type PlainKey, type StandingFile } from './plain-standing.js';

/** Chunks are collected to this size before they are written: below it, system calls cost more than copying. */
const BATCH_BYTES = 1024 * 1024;
/** Microseconds between the times of two files: above what is lost on the way to the disk. */
const TIME_STEP = 10;
/** Why a path cannot take a file, or has no directory to take it. */
const IN_THE_WAY = new Set(['ENOTDIR', 'EEXIST', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'EINVAL']);

/** A write that is whole and on the disk, under a name of its own. */
interface Staged {
  readonly path: string;
  readonly token: string;
  readonly size: number;
}

interface StagedWrite {
  readonly file: NewFile;
  readonly id: string;
}

let lastTime = 0;

/** A time in seconds since 1970 that this process gave to no other file: the system's own clock stands still for some milliseconds at a time. */
function nextTime(): number {
  lastTime = Math.max(lastTime + TIME_STEP, Date.now() * 1000);
  return lastTime / 1e6;
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

async function stage(place: Place, call: Call, layout: PlainLayout, write: StagedWrite): Promise<Staged> {
  const { file, id } = write;
  const path = `${layout.staging}/${stagedName(id)}`;
  const fd = await createFile(path, false);
  try {
    const mode = (await lstat(layout.root)).mode & 0o666;
    let batch: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of chunksOfBody(place.name, call, file.body, file.size)) {
      batch.push(chunk);
      bytes += chunk.length;
      if (bytes < BATCH_BYTES) continue;
      await writeFully(fd, batch);
      batch = [];
      bytes = 0;
    }
    await writeFully(fd, batch);
    // Who may use the directory may use the file. All of the inode is synced: the time of change is part of the token.
    fchmodSync(fd, mode);
    const time = nextTime();
    futimesSync(fd, time, time);
    await syncAll(fd);
    const facts = fstatSync(fd, { bigint: true });
    return { path, token: plainToken(facts), size: Number(facts.size) };
  } catch (error) {
    throw await cleanUp(path, error);
  } finally {
    await closeFile(fd);
  }
}

/** Makes the directories above a file, down from the container, and each one's entry durable. False where something else is in the way. */
async function makeParents(place: Place, { layout }: PlainKey, path: string): Promise<boolean> {
  const directory = dirname(path);
  try {
    await place.plainDirectories.make(layout.root, directory);
    return await isInside(layout, directory);
  } catch (error) {
    if (IN_THE_WAY.has(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/** True if the path is free, or held by a regular file: whatever else lies there is not Spumoni's to replace. */
async function takesFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    if (IN_THE_WAY.has(codeOf(error) ?? '')) return false;
    throw error;
  }
}

/** The path that the key spells where a file can lie there, else one of Spumoni's own. */
async function pathFor(place: Place, at: PlainKey): Promise<string> {
  const path = at.layout.fileOf(at.key);
  if (path !== undefined && (await makeParents(place, at, path)) && (await takesFile(path))) return path;
  const odd = at.layout.oddFileOf(at.key);
  await place.plainDirectories.make(at.layout.odd, dirname(odd));
  return odd;
}

async function storeAttributes(place: Place, at: PlainKey, file: NewFile, token: string): Promise<string> {
  const path = at.layout.attributesOf(at.key, token);
  await place.plainDirectories.make(at.layout.own, dirname(path));
  // One that is there is of a file that is no more.
  await remove(path);
  const fd = await createFile(path, true);
  try {
    await writeFully(fd, [Buffer.from(JSON.stringify({ key: file.key, attributes: file.attributes }))]);
  } catch (error) {
    throw await cleanUp(path, error);
  } finally {
    await closeFile(fd);
  }
  await place.directories.sync(dirname(path));
  return path;
}

/** What a write put in the place of: its attributes, and a copy where no path led to. */
async function removeReplaced(at: PlainKey, path: string, before: StandingFile | undefined): Promise<void> {
  const odd = at.layout.oddFileOf(at.key);
  if (path !== odd) await removeOdd(at, odd);
  if (before !== undefined) await remove(at.layout.attributesOf(at.key, before.token));
}

async function removeOdd(at: PlainKey, odd: string): Promise<void> {
  const file = await fileAt(at.layout, odd);
  if (file === undefined) return;
  await remove(odd);
  await remove(at.layout.attributesOf(at.key, file.token));
}

/**
 * Stores a body as the file of its key, in place of the one that is there. The bytes and, under the token that they will have, the attributes are on the disk before one rename shows both.
 * When it fails before that, nothing is left.
 */
export async function writePlain(place: Place, call: Call, at: PlainKey, file: NewFile): Promise<WriteResult> {
  return await underFreshId(place, async (id) => {
    const staged = await stage(place, call, at.layout, { file, id });
    try {
      const path = await pathFor(place, at);
      const before = await standing(at);
      const attributes = await storeAttributes(place, at, file, staged.token);
      await rename(staged.path, path).catch(async (error: unknown) => {
        throw await cleanUp(attributes, error);
      });
      await finish(place, at, path, before);
    } catch (error) {
      throw await cleanUp(staged.path, error);
    }
    place.sessions.settle(id);
    return resultOf(staged.token, staged.size);
  });
}

/** What follows the rename. Whatever fails here, the write is seen by all: whether it stands is for its writer to look. */
async function finish(place: Place, at: PlainKey, path: string, before: StandingFile | undefined): Promise<void> {
  try {
    await place.directories.sync(dirname(path));
    await removeReplaced(at, path, before);
  } catch (cause) {
    throw new BackendError('unavailable', 'a file was renamed to its key, and what follows failed', {
      backend: place.name,
      cause,
    });
  }
}

/** Removes a key's file if it is as the token says. What others put there between the look and the removal goes too: nothing at a plain path names a write. */
export async function deletePlain(place: Place, at: PlainKey, ref: ObjectRef): Promise<'deleted' | 'absent'> {
  const file = await standing(at);
  if (file === undefined || file.token !== ref.token) return 'absent';
  try {
    await unlink(file.path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'absent';
    throw error;
  }
  await place.directories.sync(dirname(file.path));
  await remove(at.layout.attributesOf(at.key, ref.token));
  return 'deleted';
}
