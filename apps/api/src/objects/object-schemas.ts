import { z } from 'zod';
import { objectItem } from '../buckets/bucket-schemas.js';
import { component } from '../http/schemas.js';

/** The answer to every write that leaves an object (A2.16). */
export const storedObject = component(
  'StoredObject',
  objectItem.extend({
    returnCode: z.literal(200),
    message: z.string(),
    checksums: z.record(z.string(), z.string()),
    overwritten: z.literal(true).optional().describe('A concurrent write replaced it before anybody could see it'),
  }),
);

/** The answer to a deletion, of one object or of a folder. */
export const deletedObject = component(
  'DeletedObject',
  z.union([
    z.object({
      returnCode: z.literal(204),
      message: z.literal('Successfully Deleted!'),
      key: z.string(),
      deleted: z.boolean(),
    }),
    z.object({
      returnCode: z.union([z.literal(200), z.literal(204)]),
      message: z.string(),
      folder: z.string(),
      deleted: z.number().int(),
      failed: z.number().int(),
      failures: z.array(z.looseObject({ key: z.string() })).describe('The first thousand'),
    }),
  ]),
);
