/**
 * Every way the control plane can refuse or fail:
 * - `exists`: a unique name or id is taken already. `not-found`: the record is not there (the store answered).
 * - `conflict`: the record moved on since it was read (revision), or the run that writes was superseded (fence).
 * - `invalid`: a value cannot be in the store at all: U+0000 in a text, an `after` that no page gave.
 * - `in-use`: other records still refer to it. `last-administrator`: nobody able to administer would remain.
 * - `unavailable`: the store cannot be reached, or did not answer in time; it may come back, and nothing may be concluded from it.
 * - `incompatible`: the stored schema is newer than this program.
 */
export const CONTROL_PLANE_ERROR_KINDS = [
  'exists',
  'not-found',
  'conflict',
  'invalid',
  'in-use',
  'last-administrator',
  'unavailable',
  'incompatible',
] as const;
export type ControlPlaneErrorKind = (typeof CONTROL_PLANE_ERROR_KINDS)[number];

/** The one failure of the control plane's ports. Its message names the record, never a secret; the driver's error is the `cause`. */
export class ControlPlaneError extends Error {
  override readonly name = 'ControlPlaneError';
  constructor(
    readonly kind: ControlPlaneErrorKind,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

export function isControlPlaneError(error: unknown, kind?: ControlPlaneErrorKind): error is ControlPlaneError {
  return error instanceof ControlPlaneError && (kind === undefined || error.kind === kind);
}
