import { lstat, mkdir, readdir } from 'node:fs/promises';
import { BackendError } from '../../errors.js';
import { codeOf } from '../errors.js';
import { periodStart } from '../ids.js';
import type { Place } from '../place.js';
import { namesIn, periodsOf, slicesOf } from '../scan.js';
import { closeFile, createFile, writeFully } from '../syscalls.js';
import { OWN_DIRECTORY, PlainLayout } from './plain-layout.js';

/** How long what a container is may be remembered: none becomes the other but by being removed and made anew. */
const REMEMBERED_MS = 1000;

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/** Tells plain containers, whose objects are files under their keys, from those that Spumoni made, whose objects lie by id. */
export class PlainKinds {
  private readonly known = new Map<string, { readonly plain: PlainLayout | undefined; readonly until: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** The layout of a plain container; undefined for any other, also one that is not there. */
  async of(place: Place, container: string): Promise<PlainLayout | undefined> {
    const known = this.known.get(container);
    if (known !== undefined && this.now() < known.until) return known.plain;
    const layout = new PlainLayout(place.layout, container);
    const plain = (await exists(layout.format)) ? layout : undefined;
    this.known.set(container, { plain, until: this.now() + REMEMBERED_MS });
    return plain;
  }

  forget(container: string): void {
    this.known.delete(container);
  }
}

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
