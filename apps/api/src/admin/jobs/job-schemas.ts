import { z } from 'zod';
import { JOB_STATES, JOB_TYPES, JOB_WISHES } from '#libs/metadata';
import { component } from '../../http/schemas.js';

const count = z.object({ total: z.number(), done: z.number(), failed: z.number() });

export const jobView = component(
  'Job',
  z.object({
    id: z.string(),
    type: z.enum(JOB_TYPES),
    state: z.enum(JOB_STATES),
    wish: z.enum(JOB_WISHES).describe('What an operator wants of it; its runner obeys within a page of keys'),
    bucket: z.string().optional(),
    bucketId: z.string().optional(),
    objects: count,
    bytes: count,
    rate: z.number().nullable().describe('Bytes a second'),
    objectRate: z.number().nullable().describe('Objects a second'),
    etaSeconds: z.number().nullable(),
    failures: z.array(z.object({ key: z.string(), reason: z.string() })),
    report: z
      .object({
        counts: z
          .record(z.string(), z.number())
          .describe('How many keys of each kind; kinds that did not occur are absent'),
        first: z.array(z.object({ key: z.string(), kind: z.string() })).describe('The first hundred keys'),
      })
      .optional()
      .describe('What a reconciliation found so far, or what a retier or an encryption left alone'),
    error: z.string().optional(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    startedAt: z.iso.datetime().optional(),
    finishedAt: z.iso.datetime().optional(),
    createdBy: z.string().optional(),
  }),
);
export const jobList = z.object({ items: z.array(jobView), next: z.string().nullable() });

export const migrationView = component(
  'Migration',
  jobView.extend({
    source: z.string().describe('Name of the backend'),
    destination: z.string().describe('Name of the backend'),
    sourceRetention: z.number(),
    sourceCleanup: z.enum(['pending', 'done']),
  }),
);
export const migrationList = z.object({ items: z.array(migrationView), next: z.string().nullable() });

export const migrationInput = component(
  'MigrationInput',
  z.object({
    bucket: z.string(),
    destination: z.object({ backend: z.string(), container: z.string().optional() }),
    source: z.string().optional().describe("Name of the backend to empty; the bucket's home if absent"),
    sourceRetention: z.number().optional().describe("Seconds that the source's bytes stay beyond the grace"),
  }),
);

export const migrationPlan = component(
  'MigrationPlan',
  z.object({
    bucket: z.string(),
    source: z.string(),
    destination: z.string(),
    container: z.object({ name: z.string(), exact: z.boolean() }),
    objects: z.number(),
    bytes: z.number(),
    missing: z.number(),
    obstacles: z.array(
      z.object({
        kind: z.enum(['key', 'metadata', 'tags', 'size']),
        objects: z.number(),
        examples: z.array(z.object({ key: z.string(), reason: z.string() })),
      }),
    ),
  }),
);
