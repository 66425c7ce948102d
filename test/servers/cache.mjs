import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PINNED } from './versions.mjs';

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Where installed servers are kept, the first being where new ones go: SPUMONI_TEST_CACHE if set, else the machine's
 * own cache, which outlives a fresh clone; a cache inside the checkout is read too.
 */
export function cacheDirectories() {
  const own = process.env.SPUMONI_TEST_CACHE;
  const kept = [join(homedir(), '.cache', 'spumoni-servers'), join(repository, '.cache', 'servers')];
  return own ? [own, ...kept] : kept;
}

/** The file that a server is started by, inside its directory; its presence is what "installed" means. */
const ENTRIES = {
  minio: 'minio',
  'fake-gcs-server': 'fake-gcs-server',
  azurite: join('node_modules', 'azurite', 'dist', 'src', 'blob', 'main.js'),
  moto: join('bin', 'python'),
  schemathesis: join('bin', 'python'),
  ferretdb: 'ferretdb',
  versitygw: 'versitygw',
  rclone: 'rclone',
  s3proxy: 's3proxy.jar',
};

/** `<name>-<version>`, so that two versions never mix. */
export const directoryName = (name) => `${name}-${PINNED[name].version}`;

/** The entry file of a server inside the directory it was, or is to be, installed in. */
export const entryOf = (name, directory) => join(directory, ENTRIES[name]);

/** The installed server of the pinned version, or undefined. Its files are only looked at, nothing is run. */
export function findServer(name) {
  for (const cache of cacheDirectories()) {
    const entry = entryOf(name, join(cache, directoryName(name)));
    if (existsSync(entry)) return { name, version: PINNED[name].version, entry };
  }
  return undefined;
}
