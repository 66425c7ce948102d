import type { BucketDocument, BucketId, KeyDocument, ObjectRecord, Placement } from './records.js';

/** A key document with the version that a compare-and-set names. `version` changes at every change of the document, `revision` only at commits. */
export interface Versioned<T> {
  readonly value: T;
  readonly version: number;
}

export interface ListOptions {
  readonly prefix?: string;
  readonly delimiter?: string;
  /** Exclusive: the first answer lies after it. With a delimiter, a marker that is a common prefix skips all under it. */
  readonly marker?: string;
  /** 0 to 1,000 entries; keys and common prefixes count alike. */
  readonly limit: number;
}

export interface ListedKey {
  readonly key: string;
  readonly document: KeyDocument;
}

/** What a listing shows of an object's record: the rest is for those who ask for the key. */
export interface ShownRecord extends Pick<ObjectRecord, 'size' | 'etag' | 'lastModified' | 'tier'> {
  readonly placement: Pick<Placement, 'backend' | 'storageClass'>;
}

export interface ShownKey {
  readonly key: string;
  readonly record: ShownRecord;
}

export interface Listing {
  readonly keys: readonly ShownKey[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  /** The last key or common prefix of this page, to be given as `marker`; present when truncated. */
  readonly nextMarker?: string;
}

/** Why a change was not made. */
export type ChangeResult = 'changed' | 'version-conflict' | 'bucket-not-active';

export interface KeyAddress {
  readonly bucket: BucketId;
  readonly key: string;
}

/** The change of one key document. `expected` null: the document must not exist. `next` absent: the document is removed. */
export interface KeyChange {
  readonly expected: number | null;
  readonly next?: KeyDocument;
  /**
   * Makes the change only while the bucket's document says `active`, checked in the same atomic step: a store whose steps hold one document makes it so that
   * no such change is made after the one that ended `active` (ADR 8).
   */
  readonly requireActive: boolean;
  /**
   * Where the new record's bytes are. Given, the bucket's document must also list that container, and not as retiring, in the same atomic step:
   * a write that began before a migration ended cannot land in a container that is about to go. Refused as `bucket-not-active`.
   */
  readonly placedIn?: { readonly backend: string; readonly container: string };
}

/**
 * The ordered store of key documents and bucket documents; the only thing a listing reads.
 *
 * Guarantees:
 * - A change that was answered `changed` is durable (synced) and seen by every process from then on; each change is atomic on its one document.
 * - Keys are ordered by their UTF-8 bytes. A listing shows each key with a `current` record once; keys that stay through a paged listing are never missed or repeated,
 *   whatever else comes and goes.
 * - Failures throw `IndexError` (`unavailable`, `full`, `too-large`); nothing is half-written.
 * The port asks for single-document atomic operations and ordered ranges only, so that a sharded document store can serve it.
 */
export interface ObjectIndex {
  /** Present where reads wait for nothing: of a store in this process's memory. */
  readonly atOnce?: IndexAtOnce;
  getKey(address: KeyAddress): Promise<Versioned<KeyDocument> | undefined>;
  changeKey(address: KeyAddress, change: KeyChange): Promise<ChangeResult>;
  list(bucket: BucketId, options: ListOptions): Promise<Listing>;
  /** All key documents after `after` in key order, those without a current record included: what moves and sweeps walk. */
  scan(bucket: BucketId, options: { after?: string; prefix?: string; limit: number }): Promise<readonly ListedKey[]>;
  /** Key documents that hold an intent, garbage or a lease, of any bucket, in (bucket, key) order after `after`. */
  listPending(options: {
    after?: KeyAddress;
    bucket?: BucketId;
    limit: number;
  }): Promise<readonly (KeyAddress & Versioned<KeyDocument>)[]>;

  findBucket(name: string): Promise<Versioned<BucketDocument> | undefined>;
  getBucket(id: BucketId): Promise<Versioned<BucketDocument> | undefined>;
  /** Compare-and-set by id; the name is unique and cannot change. Removal also requires that no key document is left, else `version-conflict`. */
  changeBucket(id: BucketId, expected: number | null, next: BucketDocument | undefined): Promise<ChangeResult>;
  listBuckets(options: { after?: string; ownerId?: string; limit: number }): Promise<readonly BucketDocument[]>;

  /** True when a read of the store succeeds now. */
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/** A bucket and one of its keys, as of one moment. */
export interface FoundKey {
  readonly bucket: BucketDocument;
  readonly document: KeyDocument | undefined;
}

/** Reads that are answered before the call returns. They see what the reads of `ObjectIndex` would see, and may fail in words of the store's own: who is to tell of a failure asks those. */
export interface IndexAtOnce {
  /** What `findBucket` and then `getKey` would find; undefined if there is no such bucket. */
  findKey(bucketName: string, key: string): FoundKey | undefined;
}

/** After `full` (no room is left) and `too-large` nothing was changed; after `unavailable` a change may have been made. */
export type IndexErrorKind = 'unavailable' | 'full' | 'too-large';

/** A failure of the index itself, never of what it holds. */
export class IndexError extends Error {
  override readonly name = 'IndexError';
  constructor(
    readonly kind: IndexErrorKind,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
