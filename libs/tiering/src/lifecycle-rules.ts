import type { Vendor } from '#libs/naming';
import type { TierPolicy } from './tier-policy.js';

/** Which objects a rule is about. Every condition given must hold; every tag must match; sizes are in bytes, both ends included. */
export interface LifecycleFilter {
  readonly prefix?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly sizeFrom?: number;
  readonly sizeTo?: number;
}

/** When: whole days since the object was last modified, or a date (ISO 8601, midnight UTC). Exactly one of the two. */
export type LifecycleMoment =
  { readonly days: number; readonly date?: never } | { readonly date: string; readonly days?: never };

/** Where to: a storage class of the vendor it ends up at, or a tier. Exactly one of the two. */
export type LifecycleTarget =
  { readonly storageClass: string; readonly tier?: never } | { readonly tier: string; readonly storageClass?: never };

/**
 * A step of a rule. Without `backend` the object stays where the step before in this rule put it, or, in the first step,
 * where it lies.
 */
export type LifecycleTransition = LifecycleMoment & LifecycleTarget & { readonly backend?: string };

/** One rule of a bucket's lifecycle; a rule that is not enabled does nothing. */
export interface LifecycleRule {
  readonly id: string;
  readonly enabled: boolean;
  readonly filter: LifecycleFilter;
  readonly expiration?: LifecycleMoment;
  readonly transitions?: readonly LifecycleTransition[];
}

/** What the rules are read against: the bucket's home vendor, the tiers there are, the backends there are. */
export interface LifecycleContext {
  readonly vendor: Vendor;
  readonly policies: readonly TierPolicy[];
  readonly backends: readonly { readonly name: string; readonly vendor: Vendor }[];
  /** The home backend's name; given, a transition that names it is held to the vendor's waterfall from the start. */
  readonly home?: string;
}

/** What evaluation needs of an object record. `vendor` is that of the backend the object lies on; `size` is in bytes. */
export interface LifecycleSubject {
  readonly key: string;
  readonly size: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly lastModified: Date;
  readonly storageClass: string;
  readonly tier?: string;
  readonly backend: string;
  readonly vendor: Vendor;
}

/** What is to be done with an object now. `backend` is set only when it is not the one the object lies on. */
export type LifecycleAction =
  | { readonly kind: 'expire'; readonly ruleId: string }
  | {
      readonly kind: 'transition';
      readonly ruleId: string;
      readonly storageClass: string;
      readonly tier?: string;
      readonly backend?: string;
    };
