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
  /** A staged file that has not grown for this long, and whose writer is not alive here, is taken for dead. */
  stagedGraceSeconds: z
    .number()
    .min(0)
    .default(15 * 60),
});

export interface FilesystemConfig {
  readonly name: string;
  /** Absolute. */
  readonly root: string;
  readonly stagedGraceMs: number;
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
  const { path, stagedGraceSeconds } = parsed.data;
  return { name, root: resolve(path), stagedGraceMs: stagedGraceSeconds * 1000 };
}
