import { lstat, mkdir, readdir } from 'node:fs/promises';
import { BackendError } from '../../errors.js';
import { codeOf } from '../errors.js';
import { periodStart } from '../ids.js';
import type { Place } from '../place.js';
import { namesIn, periodsOf, slicesOf } from '../scan.js';
import { closeFile, createFile, writeFully } from '../syscalls.js';
import { exists } from './plain-kinds.js';
import { OWN_DIRECTORY, PlainLayout } from './plain-layout.js';

/**
 * True for a directory that others filled: something in it is not of the form that Spumoni stores by id. An empty one is not: a bucket may be about to be made in it.
 * A directory of Spumoni's form with files of others beside it is Spumoni's.
 */
export async function isTakeable(place: Place, container: string): Promise<boolean> {
  const entries = await readdir(place.layout.container(container), { withFileTypes: true });
  if (entries.every((entry) => entry.isDirectory() && periodStart(entry.name) !== undefined)) return false;
  for (const period of await periodsOf(place, container))
    for (const slice of await slicesOf(period)) if ((await namesIn(slice)).length > 0) return false;
  return true;
}

/** Makes a directory that others filled a plain container: adds a directory of Spumoni's own, and touches nothing else. Idempotent. `conflict` for what is Spumoni's, or empty. */
export async function makePlain(place: Place, container: string): Promise<void> {
  const layout = new PlainLayout(place.layout, container);
  if (await exists(layout.format)) return;
  if (!(await isTakeable(place, container)))
    throw new BackendError('conflict', `container ${container} is empty, or of Spumoni's own format`, {
      backend: place.name,
    });
  for (const path of [`${layout.root}/.spumoni`, layout.own, layout.staging, layout.odd, `${layout.own}/a`])
    await makeDirectory(place, path);
  const fd = await createFile(layout.format, true).catch((error: unknown) => {
    if (codeOf(error) === 'EEXIST') return undefined; // another process takes the same one over: it is theirs or ours, the marker decides
    throw error;
  });
  if (fd !== undefined) {
    await writeFully(fd, [Buffer.from(`${JSON.stringify({ format: 1, layout: OWN_DIRECTORY })}\n`)]);
    await closeFile(fd);
  }
  await place.directories.sync(layout.own);
  // The directory itself was made by others.
  await place.directories.sync(place.layout.root);
  place.plain.forget(container);
}

async function makeDirectory(place: Place, path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if ((await lstat(path)).isDirectory()) return;
    throw new BackendError('conflict', `${path.slice(path.lastIndexOf('/') + 1)} is no directory`, {
      backend: place.name,
      cause: error,
    });
  }
  await place.directories.sync(path.slice(0, path.lastIndexOf('/')));
}
