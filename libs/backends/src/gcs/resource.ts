import { z } from 'zod';

const decimal = z.string().regex(/^\d+$/);
const date = z.string().transform((text, context) => {
  const parsed = new Date(text);
  if (Number.isNaN(parsed.getTime())) context.addIssue('no date');
  return parsed;
});

/** An object resource (cloud.google.com/storage/docs/json_api/v1/objects#resource), as far as it is read. 64-bit numbers come as strings. */
export const objectResource = z.object({
  name: z.string(),
  generation: decimal,
  metageneration: decimal.optional(),
  etag: z.string().default(''),
  size: decimal.transform(Number),
  /** Base64; absent for composite objects. */
  md5Hash: z.string().optional(),
  crc32c: z.string().optional(),
  storageClass: z.string().default('STANDARD'),
  updated: date,
  timeDeleted: z.string().optional(),
  contentType: z.string().optional(),
  cacheControl: z.string().optional(),
  contentDisposition: z.string().optional(),
  contentEncoding: z.string().optional(),
  contentLanguage: z.string().optional(),
  metadata: z.record(z.string(), z.string()).default({}),
});
export type ObjectResource = z.output<typeof objectResource>;

/** The kind is asked for: without it any JSON object would pass for an empty page. */
export const objectList = z.object({
  kind: z.literal('storage#objects'),
  items: z.array(objectResource).default([]),
  nextPageToken: z.string().optional(),
});

export const rewriteAnswer = z.object({
  done: z.boolean(),
  rewriteToken: z.string().optional(),
  resource: objectResource.optional(),
});

export const bucketResource = z.object({
  kind: z.literal('storage#bucket'),
  name: z.string(),
  location: z.string().optional(),
  timeCreated: date.optional(),
});
export type BucketResource = z.output<typeof bucketResource>;

export const bucketList = z.object({
  kind: z.literal('storage#buckets'),
  items: z.array(bucketResource).default([]),
  nextPageToken: z.string().optional(),
});

/** The fields of a listing that are read, so that GCS sends no others. */
export const LISTED_FIELDS = 'kind,nextPageToken,items(name,generation,etag,size,storageClass,updated,timeDeleted)';
