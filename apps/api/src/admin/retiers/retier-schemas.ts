import { z } from 'zod';
import { component } from '../../http/schemas.js';

const amount = { objects: z.number().int(), bytes: z.number().int() };

export const bucketPolicyInput = component(
  'BucketPolicyInput',
  z.strictObject({ policy: z.string().min(1).describe('Name of a tier policy, in any case') }),
);
export const bucketPolicyView = component(
  'BucketPolicy',
  z.object({ bucket: z.string(), policy: z.string().nullable().describe('null: none') }),
);

const classes = z
  .record(z.string(), z.string())
  .optional()
  .describe("As if the policy had these: the vendor's class, by vendor");
export const tierPreviewInput = component('TierPreviewInput', z.strictObject({ classes }));
export const retierPreviewInput = component(
  'RetierPreviewInput',
  z.strictObject({
    policy: z.string().min(1).optional().describe('As if the bucket had this policy'),
    classes,
    after: z.string().optional().describe('Where to go on: `next` of the answer before'),
  }),
);

const group = z.object({
  backend: z.string(),
  tier: z.string().nullable().describe('The tier that they have now'),
  storageClass: z.string().describe('The class that they lie in'),
  to: z.string().describe('The class that the policy means'),
  ...amount,
  early: z.object(amount).describe('Of them, those that certainly leave their class before its minimum days'),
  small: z.object(amount).describe('Of them, those smaller than the least that the new class bills'),
  warnings: z.array(z.string()).describe('What the vendor bills or demands of such a change'),
});

export const retierPreview = component(
  'RetierPreview',
  z.object({
    bucket: z.string(),
    policy: z.string(),
    looked: z.number().int().describe('Objects looked at'),
    change: z.object(amount).describe('What lies in another class than the policy means'),
    rename: z.object(amount).describe("What lies in the right class under another tier's name"),
    groups: z.array(group),
    leftAlone: z.object({
      own: z.object(amount).describe('Whose tier or class was chosen for the object itself'),
      archived: z
        .object({ ...amount, keys: z.array(z.string()) })
        .describe('Which would have to be restored first; the first hundred keys'),
    }),
    warnings: z.array(z.string()),
    next: z.string().nullable().describe('Not every key could be looked at in time: where to go on'),
  }),
);
export const retierPreviewList = z.object({ items: z.array(retierPreview), next: z.string().nullable() });
