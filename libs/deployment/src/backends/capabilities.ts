import { z } from 'zod';
import { TOKEN_KINDS, type BackendCapabilities } from '#libs/backends';

const shape = z.object({
  tokens: z.enum(TOKEN_KINDS),
  writeIfAbsent: z.boolean(),
  writeIfToken: z.boolean(),
  deleteByToken: z.boolean(),
  multipart: z.boolean(),
  serverSideCopy: z.boolean(),
  tags: z.enum(['native', 'metadata']),
  storageClasses: z.array(z.string()),
});

/** What the last probe that passed found, as the control plane keeps it. Throws if that is not what this version writes. */
export function storedCapabilities(stored: Readonly<Record<string, unknown>>): BackendCapabilities {
  return shape.parse(stored);
}
