import type { BucketId } from '../object-index/records.js';

/** What usage can be told by. */
export const USAGE_DIMENSIONS = ['bucket', 'tier', 'backend', 'owner'] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** Objects of one bucket that lie alike: on one backend, under one tier (empty: none), in one storage class. */
export interface StoredShare {
  /** Id. */
  readonly backend: string;
  readonly tier: string;
  readonly storageClass: string;
  readonly objects: number;
  readonly bytes: number;
  /** `bytes`, with each object at least as large as its vendor bills it. */
  readonly billedBytes: number;
}

/** The whole of one bucket, as one walk through its part of the index found it. */
export interface BucketCount {
  readonly bucket: { readonly id: BucketId; readonly name: string; readonly ownerId: string; readonly home: string };
  readonly shares: readonly StoredShare[];
  /** Milliseconds since the epoch, at the end of the walk. */
  readonly countedAt: number;
}

/** Requests: `bytesIn` and `bytesOut` are of content. */
export interface RequestCounts {
  readonly reads: number;
  readonly writes: number;
  readonly lists: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export const NO_REQUESTS: RequestCounts = { reads: 0, writes: 0, lists: 0, bytesIn: 0, bytesOut: 0 };

/** Requests to be added to a day, by name. Names that nothing has (any more) are passed over. */
export interface RequestDeltas {
  readonly buckets: ReadonlyMap<string, RequestCounts>;
  readonly backends: ReadonlyMap<string, RequestCounts>;
}

/** One name of a dimension as it is now: its storage by where it lies, its requests by whose prices hold. */
export interface UsageGroup {
  readonly name: string;
  /** `backend` is an id. */
  readonly storage: readonly Pick<StoredShare, 'backend' | 'storageClass' | 'objects' | 'bytes' | 'billedBytes'>[];
  /** `backend`: the id of the bucket's home, or of the backend itself. */
  readonly requests: readonly ({ readonly backend: string } & RequestCounts)[];
  /** The oldest count that is in it; absent before the first. */
  readonly countedAt?: number;
  /** Buckets in it that were never counted. */
  readonly uncounted: number;
}

/** One day of a name, or of everything. */
export interface UsageDay extends RequestCounts {
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  readonly objects: number;
  readonly bytes: number;
}
