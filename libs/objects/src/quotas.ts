import type { BucketDocument, ObjectRecord } from '#libs/metadata';

/** Room that is held for one write until it is over: the first word on how it ended counts. */
export interface Reservation {
  /** Where the size of the body was not known beforehand: holds room for so many bytes more. To be asked before they are stored; fails with `quota-exceeded`. */
  readonly take?: (bytes: number) => void;
  /** The write happened. */
  settle(stored: StoredWrite): void;
  /** It did not, or nobody knows, or another took its place at once. */
  cancel(): void;
}

/** What a write has changed, by the commit that made it: what was there when it began may have gone since. */
export interface StoredWrite {
  readonly size: number;
  /** Bytes of the object that it replaced; undefined: none, or it is not known. */
  readonly replaced: number | undefined;
}

/** Which object a write makes or replaces, and its size where it is known. */
export interface WishedWrite {
  readonly bucket: BucketDocument;
  readonly key: string;
  readonly size: number | undefined;
  /** It is stored beside what lies under the key, which it replaces only later: all of it needs room. */
  readonly isBeside?: true;
}

/** Keeps buckets and users within the objects and bytes they may have. */
export interface Quotas {
  /** Holds room for a write; undefined where nothing limits it. Fails with `quota-exceeded`. */
  reserve(wish: WishedWrite): Promise<Reservation | undefined> | undefined;
  /** An object was removed, or room given back that was counted as one. */
  removed(bucket: BucketDocument, record: Pick<ObjectRecord, 'size'>): void;
}
