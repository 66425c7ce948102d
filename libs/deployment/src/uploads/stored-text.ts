import type { ObjectsErrorCode, Segment } from '#libs/objects';
import type { UploadWish } from './upload-service.js';

/** How an upload ended. */
export type UploadEnd = { readonly etag: string } | { readonly code: ObjectsErrorCode; readonly message: string };

/** What the store keeps as text was written by this file alone. */
export const wishOf = (text: string): UploadWish => JSON.parse(text) as UploadWish;
export const segmentOf = (text: string): Segment => JSON.parse(text) as Segment;
export const endOf = (text: string): UploadEnd => JSON.parse(text) as UploadEnd;
