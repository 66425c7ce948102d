import { join } from 'node:path';
import { openLmdbArchive, openMongodbArchive, type IndexArchive } from '#libs/metadata';
import type { Settings } from '#libs/settings';

/** Opens the object index of these settings to be copied whole, beside those who serve from it. */
export function indexArchiveIn(settings: Settings): (deployment: string) => Promise<IndexArchive> {
  const { mongodbUrl } = settings;
  return (deployment) =>
    mongodbUrl === undefined
      ? openLmdbArchive({ path: join(settings.dataDirectory, 'index') })
      : openMongodbArchive({ url: mongodbUrl.reveal(), deployment });
}
