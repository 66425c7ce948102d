import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Settings } from '#libs/settings';

/** Where each thing lies in a data directory. */
export interface DataPaths {
  readonly index: string;
  /** Of the backend `local`. */
  readonly objects: string;
}

/** The directories of a deployment, for the owner alone: made where they are not there. The root of `objects` is its backend's to make. A stateless process has none. */
export async function makeDataDirectories(settings: Settings): Promise<DataPaths | undefined> {
  const { dataDirectory, masterKeyFile, isStateless } = settings;
  if (isStateless) return undefined;
  const paths = { index: join(dataDirectory, 'index'), objects: join(dataDirectory, 'objects') };
  for (const path of [dataDirectory, paths.index, dirname(masterKeyFile)])
    await mkdir(path, { recursive: true, mode: 0o700 });
  return paths;
}
