import { overlapOf, type BackendDefinition, type Overlap } from '#libs/backends';
import type { ControlPlane } from '#libs/metadata';
import { invalid } from '../errors.js';
import { everyItem } from '../paging.js';

const IS: Readonly<Record<Overlap, string>> = { same: 'is', inside: 'lies inside', around: 'holds' };

/**
 * Fails with `invalid-backend` if a filesystem backend would keep its files in the directory of another, or one inside the other's: each would take the other's containers and files for its own, or for a stranger's. Directories are compared as this
 * process sees them; of two registrations at the same moment neither may see the other.
 */
export async function assertOwnDirectory(
  { backends }: Pick<ControlPlane, 'backends'>,
  wanted: Pick<BackendDefinition, 'name' | 'type' | 'options'>,
): Promise<void> {
  const path = wanted.options['path'];
  if (wanted.type !== 'filesystem' || typeof path !== 'string' || path === '' || path.includes('\0')) return;
  for await (const { name, type, options } of everyItem((page) => backends.list(page))) {
    const other = options['path'];
    if (type !== 'filesystem' || name === wanted.name || typeof other !== 'string') continue;
    const overlap = await overlapOf(path, other);
    if (overlap === undefined) continue;
    const message = `the directory ${IS[overlap]} that of backend "${name}"; expected one of its own`;
    throw invalid('invalid-backend', 'the backend cannot be registered so', [{ path: 'options.path', message }]);
  }
}
