import type { Page, PageRequest } from './paging.js';
import type { BucketCount, RequestDeltas, UsageDay, UsageDimension, UsageGroup } from './usage-records.js';

/** Usage by day. Days are UTC; counts are added and replaced in single statements or one transaction, so that any number of processes may write. */
export interface UsageStore {
  /** Replaces what the count's day says of the bucket. */
  putStorage(count: BucketCount): Promise<void>;
  /** Adds to the day of `at`. */
  addRequests(at: number, deltas: RequestDeltas): Promise<void>;
  /** Storage by the latest count of each bucket that is there, requests since `since`; by name. With an owner: of their buckets alone, and by backend without requests, which are nobody's in particular. */
  list(
    by: UsageDimension,
    page: PageRequest & { readonly since: number; readonly ownerId?: string },
  ): Promise<Page<UsageGroup>>;
  /** Day by day, oldest first, of one name or of all; the cursor is a day. */
  history(
    by: UsageDimension,
    query: PageRequest & {
      readonly name?: string;
      readonly from?: string;
      readonly to?: string;
      readonly ownerId?: string;
    },
  ): Promise<Page<UsageDay>>;
  /** Forgets days before that of `before`. How many rows went. */
  prune(before: number): Promise<number>;

  /** The price table that an administrator has set; its form is libs/tiering's. */
  findPrices(): Promise<unknown>;
  putPrices(content: object): Promise<void>;
  /** Does nothing if none was set. */
  deletePrices(): Promise<void>;
}
