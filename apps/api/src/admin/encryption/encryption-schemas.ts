import { z } from 'zod';
import { MASTER_KEY_STATES } from '#libs/metadata';
import { component } from '../../http/schemas.js';

/** The master keys of a deployment: which seals, which have sealed. */
export const encryptionView = component(
  'Encryption',
  z.object({
    current: z.string().describe('Id of the master key that seals from now on'),
    keys: z.array(
      z.object({
        id: z.string().describe('First 8 hex digits of the SHA-256 of the key'),
        state: z
          .enum([...MASTER_KEY_STATES, 'none'])
          .describe('`retiring`: still needed; `retired`: nothing is sealed by it; `none`: not used yet'),
        atHand: z.boolean().describe('The process that answers has it'),
        since: z.iso.datetime().optional(),
        retiredAt: z.iso.datetime().optional(),
      }),
    ),
  }),
);

export const rotationInput = z.strictObject({ to: z.string().describe('Id of a master key that every process has') });
