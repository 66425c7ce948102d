import type { Page, PageRequest, RequestCounts, UsageDay, UsageDimension } from '#libs/metadata';
import type { PriceTable } from '#libs/tiering';

/** How one bucket, tier, backend or owner uses storage: JSON-ready. */
export interface UsageView {
  readonly name: string;
  readonly objects: number;
  readonly bytes: number;
  /** When the oldest count in it was made, ISO 8601; null before the first. */
  readonly countedAt: string | null;
  /** Buckets in it that were not counted yet. */
  readonly uncountedBuckets: number;
  /** Of the last 30 days: of a backend, calls that Spumoni made; else requests that clients made. */
  readonly requests: RequestCounts;
  readonly estimate: {
    readonly currency: string;
    /** What is stored now, for a month. */
    readonly storage: number;
    /** The requests and the bytes out of the last 30 days. */
    readonly requests: number;
    readonly total: number;
    /** Vendors and classes that the price table does not have: they cost nothing here, and something in truth. */
    readonly unpriced: readonly string[];
  };
}

export type UsageQuery = PageRequest & {
  readonly name?: string;
  readonly from?: string;
  readonly to?: string;
  /** Only what buckets of this user use. */
  readonly ownerId?: string;
};

/** What is stored and asked, by whom and where, and about what it costs. Counts are of the latest walk through the index (`SPUMONI_USAGE_SECONDS`), requests at most some seconds old. */
export interface UsageService {
  list(by: UsageDimension, page: PageRequest & Pick<UsageQuery, 'ownerId'>): Promise<Page<UsageView>>;
  /** Day by day (UTC), oldest first: of one name, or of all together. */
  history(by: UsageDimension, query: UsageQuery): Promise<Page<UsageDay>>;
  /** Counts a bucket now. `ObjectsError` `no-such-bucket`; `DeploymentError` `wrong-state` while another count is asked for. */
  count(bucket: string): Promise<void>;
  /** The table in use: an administrator's, else the one that comes with Spumoni. */
  prices(): Promise<PriceTable>;
  /** `invalid-prices` with each thing that is wrong. */
  setPrices(input: unknown): Promise<PriceTable>;
  /** Back to the table that comes with Spumoni. */
  resetPrices(): Promise<void>;
}
