import type { IndexArchive } from '../index-archive.js';
import type { ObjectIndex } from '../object-index.js';
import type { MongodbIndexOptions } from './connection.js';

export type { MongodbIndexOptions } from './connection.js';

// The driver takes some 10 MiB of each process's memory: it is loaded only where there is a MongoDB.

/** As in `mongodb-index.ts`. */
export async function createMongodbIndex(options: MongodbIndexOptions): Promise<ObjectIndex> {
  const loaded = await import('./mongodb-index.js');
  return loaded.createMongodbIndex(options);
}

/** As in `mongodb-archive.ts`. */
export async function openMongodbArchive(options: MongodbIndexOptions): Promise<IndexArchive> {
  const loaded = await import('./mongodb-archive.js');
  return loaded.openMongodbArchive(options);
}
