import type { KeyAddress } from './object-index.js';
import type { BucketDocument, KeyDocument } from './records.js';

/** Where an index lies. */
export const INDEX_KINDS = ['lmdb', 'mongodb'] as const;
export type IndexKind = (typeof INDEX_KINDS)[number];

/** A key document and whose it is. */
export interface ArchivedKey extends KeyAddress {
  readonly document: KeyDocument;
}

/**
 * A whole index, to be copied out of or into: for backups, and for going from one store to another. Reading leaves those who serve requests from the same index alone; writing is for an index that nobody serves from,
 * and goes on being refused to them until `finish`. Failures throw `IndexError`.
 */
export interface IndexArchive {
  readonly kind: IndexKind;
  /** `unfinished`: a restore began and did not end. */
  state(): Promise<'empty' | 'unfinished' | 'used'>;
  /** All bucket documents. */
  buckets(): AsyncIterable<readonly BucketDocument[]>;
  /** All key documents in order, page by page; on LMDB as they were at one moment. */
  keys(): AsyncIterable<readonly ArchivedKey[]>;
  /** Removes what an unfinished restore left, and begins one. */
  begin(): Promise<void>;
  /** Each batch is one durable step; at most 1,000 at a time. */
  putBuckets(buckets: readonly BucketDocument[]): Promise<void>;
  putKeys(keys: readonly ArchivedKey[]): Promise<void>;
  /** From here on the index can be opened to serve. */
  finish(): Promise<void>;
  close(): Promise<void>;
}
