import { resolve } from 'node:path';
import { z } from 'zod';
import { BackendError } from '../errors.js';
import type { BackendDefinition } from '../definition.js';

const settings = z.strictObject({
  path: z
    .string({ error: 'must be the path of a directory' })
    .min(1)
    .refine((path) => !path.includes('\0'), {
      error: 'must hold no NUL character',
    }),
  /** The directory may hold files and directories of others: they are left alone until they are taken over. */
  existing: z.boolean().default(false),
  /**
   * A process of another machine or container, which cannot be seen from here, is taken for dead when it has said nothing for this long; while it lives it says
   * so every 10 minutes. A dead one that can be seen is known at once. Too short a time would delete the writes of one that only slept.
   */
  foreignGraceSeconds: z
    .number()
    .min(60 * 60)
    .default(24 * 60 * 60),
});

export interface FilesystemConfig {
  readonly name: string;
  /** Absolute. */
  readonly root: string;
  /** Whether the root may hold what others put there before it became one. */
  readonly existing: boolean;
  /** How long a process that cannot be seen must be silent to be taken for dead. */
  readonly foreignGraceMs: number;
}

/** Reads a definition. Fails with `invalid`, naming every setting that is missing, unknown or wrong. */
export function filesystemConfig(definition: BackendDefinition): FilesystemConfig {
  const { name, options, credentials, endpoint, region, profile } = definition;
  const parsed = settings.safeParse(options);
  const issues = (parsed.error?.issues ?? []).map(({ path, message }) => `options.${path.join('.')}: ${message}`);
  const needless = { endpoint, region, profile };
  for (const [setting, value] of Object.entries(needless))
    if (value !== undefined) issues.push(`${setting}: a filesystem backend has none`);
  for (const [field, value] of Object.entries(credentials))
    if (value !== undefined) issues.push(`credentials.${field}: a filesystem backend has none`);
  if (!parsed.success || issues.length > 0)
    throw new BackendError('invalid', `backend ${name}: ${issues.join('; ')}`, { backend: name });
  const { path, existing, foreignGraceSeconds } = parsed.data;
  return { name, root: resolve(path), existing, foreignGraceMs: foreignGraceSeconds * 1000 };
}
