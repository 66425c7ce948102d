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

/** Where some of the prices come from. */
export interface PriceSource {
  readonly vendor: Vendor;
  /** Which figures of which classes. */
  readonly what: string;
  /** The page, or who quotes it. */
  readonly source: string;
  /** The day it was looked at, `YYYY-MM-DD`, or `not checked`. */
  readonly seen: string;
}

/** Prices with the day they were looked up. An estimate is never better than its table. */
export interface PriceTable {
  readonly currency: string;
  /** `YYYY-MM-DD`. */
  readonly asOf: string;
  readonly note: string;
  readonly prices: readonly Price[];
  readonly sources?: readonly PriceSource[];
}

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
