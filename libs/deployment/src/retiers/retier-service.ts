import type { Page, PageRequest } from '#libs/metadata';
import type { OperationContext } from '#libs/objects';
import type { JobView } from '../jobs/job-service.js';

/** A bucket's tier policy as it is shown. */
export interface BucketPolicyView {
  readonly bucket: string;
  /** Its name; null: none, and every write gets its container's default class. */
  readonly policy: string | null;
}

/** Objects, and the bytes in them. */
export interface Amount {
  readonly objects: number;
  readonly bytes: number;
}

/** Objects that would go the same way: on one backend, under one tier's name, from one class to another. */
export interface RetierGroup extends Amount {
  readonly backend: string;
  /** The tier they have now; null: none. */
  readonly tier: string | null;
  readonly storageClass: string;
  /** The class that the policy means for them; the same where only the tier's name is another. */
  readonly to: string;
  /** Of them, those that certainly leave their class before its minimum days. */
  readonly early: Amount;
  /** Of them, those smaller than the least that the new class bills. */
  readonly small: Amount;
  /** What the vendor bills or demands of such a change, in words. */
  readonly warnings: readonly string[];
}

/** What a retier of one bucket would do, from the index alone: JSON-ready. */
export interface RetierPreview {
  readonly bucket: string;
  readonly policy: string;
  /** Objects looked at. */
  readonly looked: number;
  /** What lies in another class than the policy means. */
  readonly change: Amount;
  /** What lies in the right class under another tier's name: it costs a request each, and no change of class. */
  readonly rename: Amount;
  readonly groups: readonly RetierGroup[];
  readonly leftAlone: {
    /** Whose tier or class was chosen for the object itself. */
    readonly own: Amount;
    /** Which would have to be restored first; the first keys are named. */
    readonly archived: Amount & { readonly keys: readonly string[] };
  };
  readonly warnings: readonly string[];
  /** Where to go on, if the time was up before every key was looked at; null: all were. */
  readonly next: string | null;
}

/**
 * Changing what buckets and tiers mean, and bringing objects over to it, for owners of buckets and for administrators. The change itself never moves a byte.
 * Fails with `ObjectsError` `no-such-bucket`, `access-denied`, `unknown-tier` (also for a bucket that has none), `adoption-unfinished`; with `DeploymentError` `no-such-tier`, `invalid-tier`.
 */
export interface RetierService {
  policyOf(context: OperationContext, bucket: string): Promise<BucketPolicyView>;
  /** Gives the bucket another policy: what is written from then on follows it, what is there stays as it is. */
  setPolicy(context: OperationContext, bucket: string, policy: string): Promise<BucketPolicyView>;
  /** What a retier would do now; or would, if the bucket had that policy, or the policy those classes. Takes some seconds at most: `next` says where to go on. */
  preview(
    context: OperationContext,
    bucket: string,
    as?: { readonly policy?: string; readonly classes?: Readonly<Record<string, string>>; readonly after?: string },
  ): Promise<RetierPreview>;
  /** Begins the job; answers an unfinished one as it is. */
  begin(context: OperationContext, bucket: string): Promise<JobView>;
  /** Newest first. */
  runs(context: OperationContext, bucket: string, page: PageRequest): Promise<Page<JobView>>;
  /** Of every bucket with that policy, by name, as far as some seconds reach: one that they did not suffice for is the last of its page, and says so itself. */
  previewTier(
    context: OperationContext,
    tier: string,
    page: PageRequest & { readonly classes?: Readonly<Record<string, string>> },
  ): Promise<Page<RetierPreview>>;
  /** Begins the job of every bucket with that policy, a page of them by name. */
  beginTier(context: OperationContext, tier: string, page: PageRequest): Promise<Page<JobView>>;
}
