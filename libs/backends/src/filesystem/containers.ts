import { lstat, mkdir, readdir, rmdir, stat, unlink } from 'node:fs/promises';
import { BackendError } from '../errors.js';
import type { ContainerInfo, ObjectRef } from '../object-backend.js';
import { codeOf } from './errors.js';
import { isContainerName, parseStagedName } from './layout.js';
import type { Place } from './place.js';
import { openWrite } from './read.js';
import { fansOf, pathOfUpload, scanContainer } from './scan.js';
import { isWriterAlive } from './staging.js';
import { closeFile } from './syscalls.js';

export async function createContainer(place: Place, container: string): Promise<ContainerInfo> {
  const directory = place.layout.container(container);
  await place.root.assertOrMake();
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new BackendError('conflict', `container ${container} exists`, { backend: place.name, cause: error });
  }
  await place.directories.sync(place.layout.root);
  return await inspectContainer(place, container);
}

/** A symbolic link is no container: what it points to is not ours. */
export async function inspectContainer(place: Place, container: string): Promise<ContainerInfo> {
  const found = await lstat(place.layout.container(container));
  if (!found.isDirectory())
    throw new BackendError('not-found', `container ${container} is no directory`, { backend: place.name });
  return { name: container, createdAt: found.birthtime, tokens: 'id' };
}

export async function listContainers(place: Place): Promise<ContainerInfo[]> {
  await place.root.assertThere();
  const entries = await readdir(place.layout.root, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && isContainerName(entry.name)).map(({ name }) => name);
  const infos: ContainerInfo[] = [];
  for (const name of names.sort()) {
    try {
      infos.push(await inspectContainer(place, name));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error; // deleted since the directory was read
    }
  }
  return infos;
}

/** Removes a container that holds no file of a write, finished or not. What another put there makes the directory stay: `conflict`. */
export async function deleteContainer(place: Place, container: string): Promise<void> {
  const directory = place.layout.container(container);
  const notEmpty = (cause?: unknown): BackendError =>
    new BackendError('conflict', `container ${container} is not empty`, { backend: place.name, cause });
  for await (const file of scanContainer(place, container)) throw notEmpty(file.name);
  try {
    for (const fan of await fansOf(place, container)) {
      place.durableFans.delete(fan);
      await rmdir(fan);
    }
    await rmdir(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') throw notEmpty(error);
    throw error;
  }
  await place.directories.sync(place.layout.root);
}

async function removeFile(place: Place, path: string): Promise<boolean> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  await place.directories.sync(path.slice(0, path.lastIndexOf('/')));
  return true;
}

/** Removes the one file that the token names, if it is a write of that key. Durable when it resolves. */
export async function deleteWrite(place: Place, ref: ObjectRef): Promise<'deleted' | 'absent'> {
  const path = place.layout.fileOfToken(ref.container, ref.token);
  if (path === undefined) return 'absent';
  try {
    await closeFile((await openWrite(place, ref)).fd);
  } catch (error) {
    if (error instanceof BackendError && error.kind === 'not-found') return 'absent';
    throw error;
  }
  return (await removeFile(place, path)) ? 'deleted' : 'absent';
}

/** Removes an unfinished file whose writer is dead: not alive on this machine, and not grown for the grace. `conflict` while it may still be written. */
export async function abortUpload(place: Place, container: string, token: string): Promise<void> {
  const path = pathOfUpload(place, container, token);
  if (path === undefined) throw new BackendError('invalid', 'the token names no upload', { backend: place.name });
  const staged = parseStagedName(token);
  const alive = staged !== undefined && (await isWriterAlive(place, staged));
  const age = Date.now() - (await stat(path)).mtimeMs;
  if (alive || place.active.has(token) || age < place.config.stagedGraceMs)
    throw new BackendError('conflict', 'the upload may still be under way', { backend: place.name });
  await removeFile(place, path);
}
