import type { BucketId } from '../object-index/records.js';

export const UPLOAD_STATES = ['open', 'done', 'failed'] as const;
/** `open`: bytes are missing, or it is not put together yet. `done`: the object is there. `failed`: it never will be. */
export type UploadState = (typeof UPLOAD_STATES)[number];

/** A resumable upload. What `wish`, `outcome` and the segments hold is the caller's: text to this store. */
export interface UploadRecord {
  readonly id: string;
  readonly bucketId: BucketId;
  /** Who began it. */
  readonly userId: string;
  readonly wish: string;
  readonly size: number;
  /** Bytes that are durable. */
  readonly received: number;
  readonly state: UploadState;
  readonly outcome?: string;
  /** The write by which it was last tried to put it together. */
  readonly attempt?: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export type NewUpload = Pick<UploadRecord, 'id' | 'bucketId' | 'userId' | 'wish' | 'size' | 'expiresAt'>;

export interface StoredSegment {
  readonly uploadId: string;
  readonly bucketId: BucketId;
  readonly start: number;
  readonly segment: string;
}

/** Resumable uploads. Each change is durable when it returns, and of two that exclude each other one is made. */
export interface UploadStore {
  /** Undefined, and nothing made, if the user has so many open ones already. `not-found` if the bucket or user is no more. */
  create(upload: NewUpload, most: number): Promise<UploadRecord | undefined>;
  find(id: string): Promise<UploadRecord | undefined>;
  /** Adds a segment of so many bytes at this offset; false, and nothing changed, if the upload does not go on there, is not open or has expired. */
  append(id: string, at: { readonly start: number; readonly size: number; readonly segment: string }): Promise<boolean>;
  /** By their starts. */
  segments(id: string): Promise<readonly StoredSegment[]>;
  /** The exclusive right to put the upload together, or to end it, until then; undefined if somebody else has it, or it is not open. */
  claim(id: string, claim: string, until: number): Promise<UploadRecord | undefined>;
  /** Prolongs a claim, or with `until` 0 gives it back; notes the write that is tried. False if the claim has been lost. */
  renew(id: string, claim: string, change: { readonly until: number; readonly attempt?: string }): Promise<boolean>;
  /** Ends an upload that was claimed. False, and nothing changed, if the claim has been lost. */
  finish(
    id: string,
    claim: string,
    end: { readonly state: 'done' | 'failed'; readonly outcome: string },
  ): Promise<boolean>;
  forgetSegments(id: string): Promise<void>;
  /** Answers it as it was; undefined if it was gone already. */
  delete(id: string): Promise<UploadRecord | undefined>;
  /** Those that expired, or ended and have segments left, and are neither claimed nor put off; at most so many, those first that have been due for the longest. */
  due(limit: number): Promise<readonly UploadRecord[]>;
  /** Keeps one that is not claimed from being due, or claimed, until then: what failed keeps no other waiting. */
  putOff(id: string, until: number): Promise<void>;
  /** What the open ones of a bucket that are not complete yet will be. */
  reserved(bucketId: BucketId): Promise<{ readonly objects: number; readonly bytes: number }>;
  /** A page of all segments, by upload and start. */
  listSegments(limit: number, after?: StoredSegment): Promise<readonly StoredSegment[]>;
  /** Replaces a segment's text; false if it is another by now. */
  replaceSegment(segment: StoredSegment, by: string): Promise<boolean>;
}
