import { lstat, mkdir, readdir, rmdir, unlink } from 'node:fs/promises';
import { BackendError } from '../errors.js';
import type { ContainerInfo, ObjectRef } from '../object-backend.js';
import { codeOf } from './errors.js';
import { isId } from './ids.js';
import { isContainerName, parseStagedName } from './layout.js';
import { isTakeable, makePlain } from './plain/take-over.js';
import type { Place } from './place.js';
import { inspectWrite } from './read.js';
import { periodsOf, readFile, scanContainer, slicesOf } from './scan.js';

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

/** A symbolic link is no container: what it points to is not ours. One that others filled gives no tokens. */
export async function inspectContainer(place: Place, container: string): Promise<ContainerInfo> {
  const found = await lstat(place.layout.container(container));
  if (!found.isDirectory())
    throw new BackendError('not-found', `container ${container} is no directory`, { backend: place.name });
  const isPlain = (await place.plain.of(container)) !== undefined || (await isTakeable(place, container));
  return { name: container, createdAt: found.birthtime, tokens: isPlain ? 'none' : 'id' };
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

/** Makes a directory that others filled ready to be written to, every file under its key. `conflict` for one of Spumoni's own format, or an empty one. */
export async function prepareTakeover(place: Place, container: string): Promise<ContainerInfo> {
  await inspectContainer(place, container);
  await makePlain(place, container);
  return await inspectContainer(place, container);
}

/** Removes a container that holds no file of a write, finished or not. What another put there makes the directory stay: `conflict`. */
export async function deleteContainer(place: Place, container: string): Promise<void> {
  const directory = place.layout.container(container);
  const notEmpty = (cause?: unknown): BackendError =>
    new BackendError('conflict', `container ${container} is not empty`, { backend: place.name, cause });
  // What others put there is not looked into: their empty directories are theirs too.
  if ((await place.plain.of(container)) !== undefined || (await isTakeable(place, container))) throw notEmpty();
  for await (const file of scanContainer(place, container)) throw notEmpty(file.name);
  try {
    for (const period of await periodsOf(place, container)) {
      for (const slice of await slicesOf(period)) {
        place.slices.forget(slice.path);
        await rmdir(slice.path);
      }
      await rmdir(period.path);
    }
    await rmdir(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') throw notEmpty(error);
    throw error;
  }
  place.plain.forget(container);
  await place.directories.sync(place.layout.root);
}

async function removeFile(place: Place, container: string, file: { path: string; id: string }): Promise<boolean> {
  try {
    await unlink(file.path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  await place.slices.syncRemoval(container, file.id);
  place.sessions.settle(file.id);
  return true;
}

/** Removes the one file that the token names, if it is a write of that key. Durable when it resolves. */
export async function deleteWrite(place: Place, ref: ObjectRef): Promise<'deleted' | 'absent'> {
  const path = place.layout.fileOfToken(ref.container, ref.token);
  if (path === undefined) return 'absent';
  try {
    await inspectWrite(place, ref);
  } catch (thrown) {
    const error = await place.root.failure(thrown, 'deleting an object');
    if (error.kind === 'not-found') return 'absent';
    throw error;
  }
  return (await removeFile(place, ref.container, { path, id: ref.token })) ? 'deleted' : 'absent';
}

/** Removes an unfinished file whose writer is dead, or is this process and has given up. `conflict` while it may still be written, or if it is whole. */
export async function abortUpload(place: Place, container: string, token: string): Promise<void> {
  const id = isId(token) ? token : parseStagedName(token);
  if (id === undefined) throw new BackendError('invalid', 'the token names no upload', { backend: place.name });
  if (await place.sessions.mayGrow(id))
    throw new BackendError('conflict', 'the upload may still be under way', { backend: place.name });
  const { slice } = place.layout.directories(container, id);
  if ((await readFile(slice, token))?.trailer !== undefined)
    throw new BackendError('conflict', 'the token names a write that is whole', { backend: place.name });
  if (await removeFile(place, container, { path: `${slice}/${token}`, id })) return;
  throw new BackendError('not-found', 'no such upload', { backend: place.name });
}
