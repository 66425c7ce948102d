export { createLmdbIndex } from './lmdb-index.js';
export { MAX_ADDRESS_BYTES } from './addresses.js';
export type { LmdbIndexOptions } from './environment.js';
export { openLmdbArchive } from './lmdb-archive.js';
