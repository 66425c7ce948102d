/**
 * One storage class of one vendor, under the name that goes on that vendor's wire.
 *
 * `minimumDays` is the time a vendor bills for even when the object leaves earlier; `minimumBytes` is the size below which
 * the vendor bills as if the object were that large (0 = none). `restore` means a GET fails until the object has been
 * restored. `transitionsTo` lists where a lifecycle rule may take an object from here: the vendor's waterfall.
 */
export interface StorageClass {
  readonly name: string;
  readonly minimumDays: number;
  readonly minimumBytes: number;
  readonly retrieval: 'immediate' | 'restore';
  readonly note: string;
  /** True for the one class of a vendor that an object gets when nothing is asked for. */
  readonly default?: boolean;
  readonly transitionsTo: readonly string[];
  /** Other names the vendor itself uses for the class; accepted as input, never shown. */
  readonly aliases?: readonly string[];
}

/** 128 KiB: what AWS calls "128 KB" in its minimum billable and minimum transition sizes. */
export const KIB_128 = 131_072;
