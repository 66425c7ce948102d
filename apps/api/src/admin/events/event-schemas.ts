import { z } from 'zod';
import { EVENT_TYPES } from '#libs/metadata';
import { component } from '../../http/schemas.js';

export const eventView = component(
  'Event',
  z.object({
    id: z.string().describe('A decimal number; the same in every delivery of the event'),
    type: z.enum(EVENT_TYPES),
    time: z.iso.datetime(),
    bucket: z.string().optional().describe('Name'),
    key: z.string().optional(),
    data: z
      .record(z.string(), z.unknown())
      .describe('Of an object, its size, ETag, tier, class and place, and `previous` ones'),
  }),
);

export const webhookView = component(
  'Webhook',
  z.object({
    id: z.string(),
    url: z.string(),
    events: z.array(z.enum(EVENT_TYPES)).describe('Empty: all'),
    bucket: z.string().optional(),
    prefix: z.string().optional(),
    insecure: z.boolean(),
    disabled: z.boolean(),
    createdAt: z.iso.datetime(),
  }),
);
export const issuedWebhook = webhookView.extend({
  secret: z.string().describe('Shown by this answer and never again'),
});

export const webhookInput = component(
  'WebhookInput',
  z.object({
    url: z.string().describe('https, on the internet'),
    events: z.array(z.enum(EVENT_TYPES)).optional().describe('Empty or absent: all'),
    bucket: z.string().optional().describe('Name of the one bucket to hear of'),
    prefix: z.string().optional().describe('How keys begin; then only of objects'),
    insecure: z.boolean().optional().describe('Allow plain http'),
  }),
);

export const deliveryView = component(
  'WebhookDelivery',
  z.object({
    id: z.string(),
    webhook: z.string(),
    state: z.enum(['pending', 'dead']),
    attempts: z.number().int(),
    nextAt: z.iso.datetime().nullable().describe('When it is sent again by itself'),
    lastError: z.string().optional(),
    event: eventView,
  }),
);
