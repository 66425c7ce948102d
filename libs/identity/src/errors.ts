/**
 * Every way identity refuses:
 * - `denied`: no such key, a wrong secret, or a disabled key or user. Which of them is never said.
 * - `invalid`: a name, key id or secret of the wrong form. `exists`, `not-found`: as they say. `in-use`: the user still owns buckets.
 * - `last-administrator`: nobody able to administer would remain.
 */
export const IDENTITY_ERROR_CODES = [
  'denied',
  'invalid',
  'exists',
  'not-found',
  'in-use',
  'last-administrator',
] as const;
export type IdentityErrorCode = (typeof IDENTITY_ERROR_CODES)[number];

/** A refusal in identity's words. Outages are not refusals: they stay the control plane's `unavailable`. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  constructor(
    readonly code: IdentityErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
