import { z } from 'zod';
import { component } from '../../http/schemas.js';

const moment = { days: z.number().int().optional(), date: z.string().optional().describe('ISO 8601, midnight UTC') };

const rule = component(
  'LifecycleRule',
  z.object({
    id: z.string(),
    enabled: z.boolean(),
    filter: z.object({
      prefix: z.string().optional(),
      tags: z.record(z.string(), z.string()).optional(),
      sizeFrom: z.number().optional(),
      sizeTo: z.number().optional(),
    }),
    expiration: z.object(moment).optional(),
    transitions: z
      .array(
        z.object({
          ...moment,
          storageClass: z.string().optional(),
          tier: z.string().optional(),
          backend: z.string().optional(),
        }),
      )
      .optional(),
  }),
);

export const lifecycleInput = z.object({ rules: z.array(rule) });

export const lifecycleView = component(
  'Lifecycle',
  z.object({
    bucket: z.string(),
    rules: z.array(rule),
    updatedAt: z.iso.datetime(),
    lastRunAt: z.iso.datetime().optional(),
    nextRunAt: z.iso.datetime(),
  }),
);

export const lifecyclePut = lifecycleView.extend({
  warnings: z.array(z.looseObject({})).describe('What is allowed and may still surprise'),
});

const sum = z.object({ objects: z.number(), bytes: z.number() });
export const lifecyclePreview = component(
  'LifecyclePreview',
  z.object({
    objects: z.number().describe('Looked at'),
    expire: sum,
    transition: sum,
    items: z.array(
      z.object({ key: z.string(), size: z.number(), action: z.looseObject({}), nextDue: z.iso.datetime() }),
    ),
    nextDue: z.iso.datetime().optional(),
  }),
);
