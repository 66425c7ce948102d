import type { KeyDocument, WriteId } from '../../src/object-index/records.js';

/** A document that says in itself which key it belongs to. */
export function shownBy(key: string, size: number): KeyDocument {
  const writeId = key as WriteId;
  const placement = { backend: 'b', container: 'c', key, storageClass: 'STANDARD', token: key, writeId };
  const record = { size, etag: '', checksums: {}, headers: {}, metadata: {}, tags: {}, lastModified: 1, placement };
  return { revision: 1, current: record, intents: [], garbage: [{ placement, notBefore: 1 }] };
}
