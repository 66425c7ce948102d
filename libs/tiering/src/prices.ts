import { defaultStorageClass, findStorageClass } from './storage-classes.js';
import type { Vendor } from '#libs/naming';

/** What one storage class of one vendor costs. */
export interface Price {
  readonly vendor: Vendor;
  readonly storageClass: string;
  /** A GiB kept for a month. */
  readonly gibMonth: number;
  /** A thousand writes, or listings, which vendors bill alike. */
  readonly thousandWrites: number;
  readonly thousandReads: number;
  /** A GiB that leaves the vendor for the internet. */
  readonly gibOut: number;
}

/** Prices with the day they were looked up. An estimate is never better than its table. */
export interface PriceTable {
  readonly currency: string;
  /** `YYYY-MM-DD`. */
  readonly asOf: string;
  readonly note: string;
  readonly prices: readonly Price[];
}

const rows = (vendor: Vendor, gibOut: number, classes: Readonly<Record<string, readonly [number, number, number]>>) =>
  Object.entries(classes).map(([storageClass, [gibMonth, thousandWrites, thousandReads]]) => ({
    ...{ vendor, storageClass, gibMonth, thousandWrites, thousandReads, gibOut },
  }));

/** Public list prices: aws.amazon.com/s3/pricing, azure.microsoft.com/pricing/details/storage/blobs, cloud.google.com/storage/pricing. */
export const DEFAULT_PRICES: PriceTable = {
  currency: 'USD',
  asOf: '2025-07-01',
  note: 'List prices of a US region (us-east-1; East US, LRS; us-central1), first step of volume, rounded. Without discounts, free shares, minimum days, retrieval fees and taxes. Replace them by your own.',
  prices: [
    ...rows('aws', 0.09, {
      STANDARD: [0.023, 0.005, 0.0004],
      REDUCED_REDUNDANCY: [0.024, 0.005, 0.0004],
      EXPRESS_ONEZONE: [0.11, 0.00113, 0.00003],
      INTELLIGENT_TIERING: [0.023, 0.005, 0.0004],
      STANDARD_IA: [0.0125, 0.01, 0.001],
      ONEZONE_IA: [0.01, 0.01, 0.001],
      GLACIER_IR: [0.004, 0.02, 0.01],
      GLACIER: [0.0036, 0.03, 0.0004],
      DEEP_ARCHIVE: [0.00099, 0.05, 0.0004],
    }),
    ...rows('azure', 0.087, {
      Hot: [0.018, 0.005, 0.0004],
      Cool: [0.01, 0.01, 0.001],
      Cold: [0.0036, 0.018, 0.01],
      Archive: [0.00099, 0.01, 0.5],
    }),
    ...rows('gcs', 0.12, {
      STANDARD: [0.02, 0.005, 0.0004],
      NEARLINE: [0.01, 0.01, 0.001],
      COLDLINE: [0.004, 0.02, 0.01],
      ARCHIVE: [0.0012, 0.05, 0.05],
    }),
  ],
};

const GIB = 2 ** 30;

/** The price of a class at a vendor, by any of the class's names; undefined if the table has none. */
export function priceOf(table: PriceTable, vendor: Vendor, storageClass: string): Price | undefined {
  const wanted = findStorageClass(vendor, storageClass)?.name ?? storageClass;
  return table.prices.find((price) => price.vendor === vendor && price.storageClass === wanted);
}

/** Keeping so many bytes for a month. */
export function storageCost(price: Price, bytes: number): number {
  return (bytes / GIB) * price.gibMonth;
}

/** So many requests, at the prices of the class that objects of the vendor get when nothing is asked for; undefined if the table has none. */
export function requestCost(
  table: PriceTable,
  vendor: Vendor,
  counts: { readonly reads: number; readonly writes: number; readonly lists: number; readonly bytesOut: number },
): number | undefined {
  const price = priceOf(table, vendor, defaultStorageClass(vendor).name);
  if (!price) return undefined;
  const { reads, writes, lists, bytesOut } = counts;
  const requests = ((writes + lists) * price.thousandWrites + reads * price.thousandReads) / 1000;
  return requests + (bytesOut / GIB) * price.gibOut;
}
