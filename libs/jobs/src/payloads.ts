import type { JobType } from '#libs/metadata';

/** What each type of job is told to do, as its row's `payload` holds it. `bucket` is a bucket id, `backend` a backend id. */
export interface JobPayloads {
  /** Move all of a bucket's objects to another backend, and its home with them. */
  migration: {
    readonly bucket: string;
    readonly destination: { readonly backend: string; readonly container?: string };
    /** How long the source's bytes stay after an object has moved, in seconds; the grace if absent. */
    readonly sourceRetention?: number;
  };
  /** Carry out a bucket's lifecycle rules once. */
  'lifecycle-run': { readonly bucket: string; readonly asOf?: number };
  /** Give the objects under a prefix another storage class or tier. */
  transition: {
    readonly bucket: string;
    readonly prefix?: string;
    readonly storageClass?: string;
    readonly tier?: string;
    readonly backend?: string;
  };
  /** Seal everything by this master key that another has sealed. */
  'key-rotation': { readonly to: string };
  /** Finish or undo what dead writers left, and delete garbage whose grace is over. */
  sweep: { readonly bucket?: string };
  /** Index what lay in a container when it was taken over. */
  adopt: { readonly bucket: string };
  /** Compare a bucket's index with what its vendors list, and heal what was changed outside. */
  reconcile: { readonly bucket: string };
  /** Give the objects of a bucket the class that its tier policy means now. */
  retier: { readonly bucket: string };
  /** Seal the objects of a bucket that lie plain. */
  encrypt: { readonly bucket: string };
}

export type JobPayload<T extends JobType = JobType> = JobPayloads[T];
