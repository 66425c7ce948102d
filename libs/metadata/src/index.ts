export * from './object-index/records.js';
export * from './object-index/object-index.js';
export * from './object-index/index-archive.js';
export * from './object-index/lmdb/index.js';
export * from './object-index/memory/index.js';
export * from './object-index/mongodb/index.js';
export * from './control-plane/index.js';
export {
  decodeBucket,
  decodeKeyDocument,
  encodeBucket,
  encodeKeyDocument,
  INDEX_FORMAT,
  type StoredBucket,
  type StoredKeyDocument,
} from './object-index/stored-form.js';
