import { isBackendError, type BackendError, type BackendErrorKind } from '#libs/backends';

/** Stable codes of everything the domain refuses or cannot do. Protocol layers map them exhaustively. */
export const OBJECTS_ERROR_CODES = [
  'no-such-bucket',
  'no-such-key',
  'access-denied',
  'bucket-exists',
  'bucket-not-empty',
  'bucket-not-active',
  'bucket-recovering',
  'container-exists',
  'container-managed',
  'unknown-container',
  'versioning-undecided',
  'adoption-unsupported',
  'adoption-unfinished',
  'invalid-bucket-name',
  'invalid-key',
  'invalid-metadata',
  'invalid-tags',
  'invalid-storage-class',
  'invalid-range',
  'invalid-request',
  'unknown-backend',
  'unknown-tier',
  'type-mismatch',
  'precondition-failed',
  'not-modified',
  'changed-meanwhile',
  'bad-digest',
  'incomplete-body',
  'body-too-long',
  'too-large',
  'rate-limited',
  'quota-exceeded',
  'archived',
  'object-missing',
  'damaged',
  'key-unavailable',
  'conflict',
  'busy',
  'outcome-unknown',
  'backend-unavailable',
  'backend-full',
  'backend-refused',
] as const;
export type ObjectsErrorCode = (typeof OBJECTS_ERROR_CODES)[number];

export interface ObjectsErrorDetails {
  /** Machine-readable facts for the client, for example the rules a name breaks. Never a secret. */
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** The one failure of the domain. Its message says what was wrong and what was expected. */
export class ObjectsError extends Error {
  override readonly name = 'ObjectsError';
  readonly facts: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ObjectsErrorCode,
    message: string,
    details: ObjectsErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.facts = details.facts ?? {};
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

export function isObjectsError(error: unknown, code?: ObjectsErrorCode): error is ObjectsError {
  return error instanceof ObjectsError && (code === undefined || error.code === code);
}

/** What a backend's failure means to a user of the domain, where the operation gives it no narrower meaning. */
const MEANING: Readonly<Record<BackendErrorKind, ObjectsErrorCode>> = {
  'not-found': 'backend-unavailable',
  conflict: 'conflict',
  precondition: 'conflict',
  throttled: 'backend-unavailable',
  denied: 'backend-unavailable',
  unavailable: 'backend-unavailable',
  full: 'backend-full',
  timeout: 'backend-unavailable',
  invalid: 'backend-refused',
  integrity: 'backend-unavailable',
  unsupported: 'backend-refused',
  unknown: 'backend-unavailable',
};

/**
 * Says a backend's failure in the domain's words. `not-found` becomes unavailable: a record names the bytes, so their absence is the backend's trouble, not the user's mistake.
 * Anything that is no `BackendError` comes back unchanged.
 */
export function fromBackend(error: unknown, backend: string): unknown {
  if (!isBackendError(error)) return error;
  const own = ownCause(error);
  if (own) return own;
  const code = MEANING[error.kind];
  const retry = code === 'backend-unavailable' ? Math.ceil((error.retryAfterMs ?? 5_000) / 1_000) : undefined;
  return new ObjectsError(code, `backend ${backend}: ${error.message}`, {
    facts: { backend, kind: error.kind, ...(error.vendorCode === undefined ? {} : { vendorCode: error.vendorCode }) },
    ...(retry === undefined ? {} : { retryAfterSeconds: retry }),
    cause: error,
  });
}

/** A body that the domain itself refused half-way travels through the adapter as a cause; it is the real failure. */
export function ownCause(error: BackendError): ObjectsError | undefined {
  let cause: unknown = error.cause;
  for (let depth = 0; depth < 5 && cause instanceof Error; depth += 1) {
    if (cause instanceof ObjectsError) return cause;
    // A write and its clean-up that failed both: the write's failure comes first.
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
  }
  return undefined;
}
