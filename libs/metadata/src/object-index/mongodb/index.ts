export { createMongodbIndex } from './mongodb-index.js';
export type { MongodbIndexOptions } from './connection.js';
export { openMongodbArchive } from './mongodb-archive.js';
