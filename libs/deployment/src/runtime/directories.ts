import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where each thing lies in a data directory. */
export interface DataPaths {
  readonly index: string;
  /** Of the backend `local`. */
  readonly objects: string;
}

/** The paths of a data directory, for the owner alone: made where they are not there. The root of `objects` is its backend's to make. */
export async function makeDataDirectories(dataDirectory: string): Promise<DataPaths> {
  const paths = { index: join(dataDirectory, 'index'), objects: join(dataDirectory, 'objects') };
  for (const path of [dataDirectory, paths.index]) await mkdir(path, { recursive: true, mode: 0o700 });
  return paths;
}
