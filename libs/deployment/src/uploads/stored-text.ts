import type { Segment } from '#libs/objects';
import type { UploadEnd } from './complete-upload.js';
import type { UploadWish } from './upload-service.js';

/** What the store keeps as text was written by this file alone. */
export const wishOf = (text: string): UploadWish => JSON.parse(text) as UploadWish;
export const segmentOf = (text: string): Segment => JSON.parse(text) as Segment;
export const endOf = (text: string): UploadEnd => JSON.parse(text) as UploadEnd;
