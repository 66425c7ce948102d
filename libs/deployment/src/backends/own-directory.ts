import { isAbsolute } from 'node:path';
import { overlapOf, UnknownDirectoryError, type BackendDefinition, type Overlap } from '#libs/backends';
import { directoriesOf, type BackendRecord, type ControlPlane, type SeenDirectories } from '#libs/metadata';
import { invalid } from '../errors.js';
import { everyItem } from '../paging.js';

const IS: Readonly<Record<Overlap, string>> = { same: 'is', inside: 'lies inside', around: 'holds' };

/**
 * Fails with `invalid-backend` if a filesystem backend would keep its files in the directory of another, or one inside the other's: each would take the other's containers and files for its own, or for a stranger's; also where nobody can say, as one of the two
 * cannot be looked at, and where the path is relative, so another in each process. Directories are compared as this process sees them. Answers what it was compared with, to be given to the store with the backend: whoever comes between is found there. Undefined for a backend that has no directory.
 */
export async function assertOwnDirectory(
  { backends }: Pick<ControlPlane, 'backends'>,
  wanted: Pick<BackendDefinition, 'name' | 'type' | 'options'>,
): Promise<SeenDirectories | undefined> {
  const path = wanted.options['path'];
  if (wanted.type !== 'filesystem' || typeof path !== 'string' || path === '' || path.includes('\0')) return undefined;
  if (!isAbsolute(path))
    throw invalid('invalid-backend', 'the backend cannot be registered so', [
      { path: 'options.path', message: 'expected an absolute path: one process may be started elsewhere than another' },
    ]);
  const seen: BackendRecord[] = [];
  for await (const backend of everyItem((page) => backends.list(page))) {
    seen.push(backend);
    const { name, type, options } = backend;
    const other = options['path'];
    if (type !== 'filesystem' || name === wanted.name || typeof other !== 'string') continue;
    const message = await troubleBetween(path, { name, path: other });
    if (message === undefined) continue;
    throw invalid('invalid-backend', 'the backend cannot be registered so', [{ path: 'options.path', message }]);
  }
  return directoriesOf(seen);
}

/** Why the one directory cannot be used beside that of another backend. */
async function troubleBetween(
  path: string,
  other: { readonly name: string; readonly path: string },
): Promise<string | undefined> {
  const told = `that of backend "${other.name}"`;
  try {
    const overlap = await overlapOf(path, other.path);
    return overlap && `the directory ${IS[overlap]} ${told}; expected one of its own`;
  } catch (error) {
    if (!(error instanceof UnknownDirectoryError)) throw error;
    const trouble = `cannot be looked at (${error.code})`;
    if (error.path === path) return `the directory ${trouble}; expected one that this process may read`;
    return `whether the directory overlaps with ${told} cannot be told, as that one ${trouble}: bring it back, or unmount what fails there, and repeat`;
  }
}
