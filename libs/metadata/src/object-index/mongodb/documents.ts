import { randomBytes } from 'node:crypto';
import { isPending } from '../document-rules.js';
import { IndexError } from '../object-index.js';
import type { Versioned } from '../object-index.js';
import type { BucketDocument, BucketId, KeyDocument } from '../records.js';
import {
  decodeBucket,
  decodeKeyDocument,
  encodeBucket,
  encodeKeyDocument,
  type StoredBucket,
  type StoredKeyDocument,
} from '../stored-form.js';
import type { Announcement, HeldBucket } from './steps.js';

/** MongoDB refuses documents of 16 MiB; the rest is for the fields beside `d`. */
const MOST_BYTES = 16 * 1024 * 1024 - 16 * 1024;

/** What lies in a document of `keys`. Without `v` and `d` it is a permit for a key that has no document yet. */
export interface KeyEntry {
  /** Bucket id, NUL, key. */
  readonly _id: string;
  readonly v?: number;
  /** The stored form as JSON. */
  readonly d?: string;
  /** Listings show it. Absent: they do not. */
  readonly s?: true;
  /** Sweeps look for it. */
  readonly p?: true;
  /** A permit: bucket id, NUL, its name. */
  readonly m?: string;
}

/** What lies in a document of `buckets`. */
export interface BucketEntry {
  readonly _id: string;
  readonly name: string;
  /** The owner. */
  readonly o: string;
  readonly v: number;
  readonly d: string;
  /** A change under way; `d` null: the removal. */
  readonly a?: { readonly id: string; readonly d: string | null };
}

/** The one document of `meta`. */
export interface FormatEntry {
  readonly _id: 'format';
  readonly format: number;
  readonly deployment: string;
  /** A restore has begun and not ended. */
  readonly unfinished?: true;
}

/** 53 random bits: no version comes twice, not even for a document made again, and no counter is shared by all. */
export function newVersion(): number {
  return Number(randomBytes(8).readBigUInt64BE() >> 11n);
}

/** A key document as stored, under a new version and without a permit. */
export function keyEntry(_id: string, document: KeyDocument): KeyEntry & { readonly d: string } {
  const d = JSON.stringify(encodeKeyDocument(document));
  const bytes = Buffer.byteLength(d);
  if (bytes > MOST_BYTES)
    throw new IndexError(
      'too-large',
      `the document of a key takes ${bytes} bytes in the index, more than ${MOST_BYTES}`,
    );
  return {
    _id,
    v: newVersion(),
    d,
    ...(document.current === undefined ? {} : { s: true }),
    ...(isPending(document) ? { p: true } : {}),
  };
}

/** The key document; undefined for a permit alone. */
export function keyDocumentOf({ v, d }: KeyEntry): Versioned<KeyDocument> | undefined {
  if (v === undefined || d === undefined) return undefined;
  // What this file wrote.
  return { value: decodeKeyDocument(JSON.parse(d) as StoredKeyDocument), version: v };
}

export function bucketText(document: BucketDocument): string {
  return JSON.stringify(encodeBucket(document));
}

/** A bucket document as stored, under a new version and with no change announced. */
export function bucketEntry(document: BucketDocument): BucketEntry {
  return {
    _id: document.id,
    name: document.name,
    o: document.ownerId,
    v: newVersion(),
    d: bucketText(document),
  };
}

/** The bucket's document, and the change of it that is under way. */
export function heldBucketOf({ _id, v, d, a }: BucketEntry): HeldBucket {
  // Written with an id of this type; text read back has lost the brand only.
  const id = _id as BucketId;
  const document = bucketOf(id, d);
  if (a === undefined) return { version: v, document };
  const announced: Announcement = { id: a.id, next: a.d === null ? undefined : bucketOf(id, a.d) };
  return { version: v, document, announced };
}

function bucketOf(id: BucketId, text: string): BucketDocument {
  return decodeBucket(id, JSON.parse(text) as StoredBucket);
}
