import { z } from 'zod';
import { BackendError } from '../errors.js';

const place = z.strictObject({
  /** `objects`: what a container without versions holds. `versions`: all of a versioned one's. `uploads`: unfinished ones, which come last. */
  stage: z.enum(['objects', 'versions', 'uploads']),
  /** Whether VersionIds of the container are tokens. */
  versioned: z.boolean(),
  /** The vendor's own markers, to go on behind. */
  key: z.string().optional(),
  id: z.string().optional(),
});

/** Where a listing of several stages stands. */
export type Place = z.infer<typeof place>;

/** One opaque text for all stages of a listing. */
export function encodeCursor(at: Place): string {
  return Buffer.from(JSON.stringify(at)).toString('base64url');
}

/** Fails with `invalid` on a text that `encodeCursor` did not make. */
export function decodeCursor(backend: string, cursor: string): Place {
  try {
    return place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (cause) {
    throw new BackendError('invalid', 'the cursor is not one of this backend', { backend, cause });
  }
}
