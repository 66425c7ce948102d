import type { BucketDocument, Listing, ShownKey } from '#libs/metadata';
import type { Engine } from './engine.js';
import { ObjectsError } from './errors.js';
import { assertRecovered } from './recovering/recovered.js';

export const MAX_LIST_KEYS = 1000;

export interface ListObjects {
  readonly bucket: BucketDocument;
  readonly prefix?: string;
  readonly delimiter?: string;
  /** Exclusive. */
  readonly marker?: string;
  /** 0 to 1,000. */
  readonly maxKeys: number;
}

export interface ObjectListing {
  readonly objects: readonly ShownKey[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  readonly nextMarker?: string;
}

/** A page of a bucket's objects in UTF-8 byte order, read from the index alone (invariant 6). */
export async function listObjects(engine: Engine, list: ListObjects): Promise<ObjectListing> {
  if (!Number.isInteger(list.maxKeys) || list.maxKeys < 0 || list.maxKeys > MAX_LIST_KEYS) {
    throw new ObjectsError('invalid-request', `maxKeys must be a whole number from 0 to ${MAX_LIST_KEYS}`);
  }
  assertRecovered(list.bucket);
  const listing: Listing = await engine.index.list(list.bucket.id, {
    limit: list.maxKeys,
    ...(list.prefix === undefined ? {} : { prefix: list.prefix }),
    ...(list.delimiter === undefined ? {} : { delimiter: list.delimiter }),
    ...(list.marker === undefined ? {} : { marker: list.marker }),
  });
  return {
    objects: listing.keys,
    commonPrefixes: listing.commonPrefixes,
    isTruncated: listing.isTruncated,
    ...(listing.nextMarker === undefined ? {} : { nextMarker: listing.nextMarker }),
  };
}
