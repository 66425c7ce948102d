import type { Vendor } from '#libs/naming';
import type { Price, PriceSource, PriceTable } from './prices.js';

type Figures = readonly [gibMonth: number, thousandWrites: number, thousandReads: number];

const rows = (vendor: Vendor, gibOut: number, classes: Readonly<Record<string, Figures>>): Price[] =>
  Object.entries(classes).map(([storageClass, [gibMonth, thousandWrites, thousandReads]]) => ({
    ...{ vendor, storageClass, gibMonth, thousandWrites, thousandReads, gibOut },
  }));

const SEEN = '2026-11-21';
const NOT_CHECKED = 'not checked';

/** Vendors' own pages could be read in stored copies only; where those hold no figures, in what others quote of them, which is said. */
const SOURCES: readonly PriceSource[] = [
  {
    vendor: 'aws',
    what: 'all but what is named below',
    source: 'the AWS Price List API for us-east-1, as two public projects quote it (one on 2025-10-28)',
    seen: SEEN,
  },
  { vendor: 'aws', what: 'EXPRESS_ONEZONE', source: 'aws.amazon.com/s3/faqs, a stored copy', seen: SEEN },
  {
    vendor: 'aws',
    what: 'writes to GLACIER: quotations differ (0.03 and 0.05 a thousand)',
    source: 'aws.amazon.com/s3/pricing',
    seen: NOT_CHECKED,
  },
  {
    vendor: 'azure',
    what: 'storage and operations',
    source: 'the Azure Retail Prices API for eastus, LRS, as a public project quotes it',
    seen: SEEN,
  },
  {
    vendor: 'azure',
    what: 'bytes out',
    source: 'azure.microsoft.com/pricing/details/bandwidth, as a public article quotes it',
    seen: SEEN,
  },
  {
    vendor: 'gcs',
    what: 'storage, bytes out, operations of STANDARD',
    source: 'cloud.google.com/storage/pricing, as a public project quotes it on 2026-09-20',
    seen: SEEN,
  },
  {
    vendor: 'gcs',
    what: 'operations of NEARLINE, COLDLINE and ARCHIVE',
    source: 'cloud.google.com/storage/pricing',
    seen: NOT_CHECKED,
  },
  {
    vendor: 'cloudflare-r2',
    what: 'everything',
    source: 'developers.cloudflare.com/r2/pricing, from its public source',
    seen: SEEN,
  },
  {
    vendor: 'backblaze-b2',
    what: 'requests: uploads are free; listings and copies, at 0.004 a thousand, count as nothing here',
    source: 'backblaze.com/cloud-storage/transaction-pricing, a stored copy',
    seen: SEEN,
  },
  {
    vendor: 'backblaze-b2',
    what: 'storage; bytes out, which are free up to three times what is stored',
    source: 'backblaze.com/cloud-storage/pricing, as public projects quote it',
    seen: SEEN,
  },
  {
    vendor: 'wasabi',
    what: 'everything: 7.99 for 1,024 GiB since 2026-07-01, with no less than 1 TiB billed',
    source: 'wasabi.com/pricing, as a public project quotes it',
    seen: SEEN,
  },
];

/** The table that comes with Spumoni, until an administrator sets another. */
export const DEFAULT_PRICES: PriceTable = {
  currency: 'USD',
  asOf: SEEN,
  note: 'List prices of a US region (us-east-1; East US, LRS; us-central1), first step of volume, rounded. Without discounts, free shares, minimum days, retrieval fees and taxes. `sources` says where each comes from, and which could not be checked. Replace them by your own.',
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
      Hot: [0.0208, 0.005, 0.0004],
      Cool: [0.0152, 0.01, 0.001],
      Cold: [0.0036, 0.018, 0.01],
      Archive: [0.00099, 0.01, 0.5],
    }),
    ...rows('gcs', 0.12, {
      STANDARD: [0.02, 0.005, 0.0004],
      NEARLINE: [0.01, 0.01, 0.001],
      COLDLINE: [0.004, 0.02, 0.01],
      ARCHIVE: [0.0012, 0.05, 0.05],
    }),
    ...rows('cloudflare-r2', 0, { STANDARD: [0.015, 0.0045, 0.00036], STANDARD_IA: [0.01, 0.009, 0.0009] }),
    ...rows('backblaze-b2', 0, { STANDARD: [0.006, 0, 0.0004] }),
    ...rows('wasabi', 0, { STANDARD: [0.0078, 0, 0] }),
  ],
  sources: SOURCES,
};
