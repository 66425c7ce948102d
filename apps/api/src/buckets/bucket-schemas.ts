import { z } from 'zod';
import { JOB_STATES } from '#libs/metadata';
import { BACKEND_TYPES } from '#libs/naming';
import { VERSIONING_WORDS } from '#libs/objects';
import { IN_DIGITS, inQuery } from '../http/parameters.js';
import { component } from '../http/schemas.js';

/** Whether new objects of a bucket are encrypted before they go to the vendor. */
export const bucketEncryption = component(
  'BucketEncryption',
  z.strictObject({ enabled: z.boolean().describe('New objects are encrypted before they go to the vendor') }),
);

/** A bucket in lists, by the names that SODA's users know (A2.13). */
export const bucketItem = component(
  'BucketItem',
  z.object({
    id: z.string(),
    displayname: z.string().describe('The name'),
    creationdate: z.iso.datetime(),
    locationconstraint: z.string().describe('Name of the backend that new objects go to'),
    tier: z.string().nullable().describe('Name of the tier policy'),
    storageClass: z.string().nullable().describe("The vendor's own class of that tier, there"),
    owner: z.string().describe('Name of the user it belongs to'),
  }),
);

export const bucketList = z.object({ buckets: z.array(bucketItem), next: z.string().nullable() });

const adoption = z
  .object({ state: z.enum(JOB_STATES), jobId: z.string().optional().describe('See `/admin/v1/jobs/{id}`') })
  .optional()
  .describe(
    'Only while what lay in an adopted container is still being indexed: reads find every object, but listings and counts show only those indexed so far',
  );

/** A bucket in full. */
export const bucketView = component(
  'Bucket',
  bucketItem.extend({
    name: z.string(),
    type: z.enum(BACKEND_TYPES),
    vendor: z.string().nullable().describe('Whose rules and classes hold there'),
    state: z.enum(['creating', 'active', 'deleting']),
    encryption: bucketEncryption,
    containers: z.array(
      z.object({
        backend: z.string(),
        container: z.string().describe("Name of the vendor's own bucket or container"),
        home: z.boolean(),
        weak: z.boolean(),
        retiring: z.boolean().describe('Emptied by a migration, about to go'),
        adopted: z.boolean().describe('Taken over: detached when the bucket is deleted, never deleted'),
      }),
    ),
    adoption,
  }),
);

export const bucketCreation = z.strictObject({
  type: z
    .enum([...BACKEND_TYPES, 'gcp'])
    .optional()
    .describe('As you believe the backend to be; must agree with it'),
  name: z.string().optional().describe('The name again; must equal that of the path'),
  backend: z.string().optional().describe('Name of a registered backend; if absent, the policy chooses'),
  policy: z.string().optional().describe('Name of a tier policy'),
  encryption: bucketEncryption.optional(),
  adopt: z
    .strictObject({
      container: z.string().describe("Name of the vendor's own bucket or container"),
      versioning: z
        .enum(VERSIONING_WORDS)
        .optional()
        .describe("Where the vendor's versioning is off: `enable` turns it on, `leave` goes on without, as `weak`"),
    })
    .optional()
    .describe('Take over a container that is there instead of making one; for administrators'),
});

export const bucketCreated = z.object({
  returnCode: z.literal(200),
  message: z.literal('Successfully Created!'),
  bucket: bucketView,
  reason: z.string().optional().describe('Why this backend, where the policy chose'),
});

export const bucketDeleted = z.object({ returnCode: z.literal(204), message: z.literal('Successfully Deleted!') });

export const objectItem = component(
  'ObjectItem',
  z.object({
    key: z.string(),
    size: z.number().int().describe('Bytes'),
    ETag: z
      .string()
      .describe(
        "MD5 of the content, in hex; of an object that was adopted and whose MD5 its vendor does not tell, the vendor's own ETag",
      ),
    lastModified: z.iso.datetime(),
    tier: z.string().nullable(),
    storageClass: z.string().describe("The vendor's own class"),
    location: z.string().describe('Name of the backend that has the bytes'),
  }),
);

export const objectList = component(
  'ObjectList',
  z.object({
    name: z.string(),
    prefix: z.string(),
    delimiter: z.string().nullable(),
    marker: z.string(),
    nextMarker: z.string().nullable().describe('To be given as `marker`; null on the last page'),
    maxKeys: z.number().int(),
    isTruncated: z.boolean(),
    objects: z.array(objectItem),
    commonPrefixes: z.array(z.string()),
    adoption,
  }),
);

/** `GET /v1/{bucket}`: a listing, or with `info` the bucket itself. */
export const listingQuery = z.strictObject({
  prefix: z.string().optional().describe('Only keys that begin so'),
  delimiter: z.string().min(1).optional().describe('Keys with it after the prefix are folded into `commonPrefixes`'),
  marker: z.string().optional().describe('Only what comes after it, in UTF-8 byte order'),
  maxKeys: inQuery(z.number(IN_DIGITS).int().min(0).max(1000).default(1000)).describe(
    'Keys and common prefixes a page',
  ),
  info: z.enum(['', 'true']).optional().describe('Given: answers the bucket itself instead of its objects'),
});

export const deletionQuery = z.strictObject({
  delete: z.enum(['', 'true']).describe('Must be there: it is what is to be done'),
});
export const deletion = z.strictObject({ keys: z.array(z.string()).min(1).max(1000) });
export const deletionResults = z.object({
  returnCode: z.literal(200),
  results: z.array(
    z.object({
      key: z.string(),
      deleted: z.boolean().describe('False also where there was nothing'),
      error: z.object({ code: z.string(), detail: z.string() }).optional(),
    }),
  ),
});
