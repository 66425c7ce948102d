export * from './object-index/records.js';
export * from './object-index/object-index.js';
