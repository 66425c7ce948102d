/** Every way a backend call can fail, in words that no vendor owns. A new kind must be given a meaning wherever kinds are mapped: the maps are exhaustive records. */
export const BACKEND_ERROR_KINDS = [
  'not-found',
  'conflict',
  'precondition',
  'throttled',
  'denied',
  'unavailable',
  'full',
  'timeout',
  'invalid',
  'integrity',
  'unsupported',
  'unknown',
] as const;
export type BackendErrorKind = (typeof BACKEND_ERROR_KINDS)[number];

/** Whether the same call may succeed if sent again unchanged. `integrity` is: the bytes were damaged on the way. */
const RETRYABLE: Readonly<Record<BackendErrorKind, boolean>> = {
  'not-found': false,
  conflict: false,
  precondition: false,
  throttled: true,
  denied: false,
  unavailable: true,
  full: false,
  timeout: true,
  invalid: false,
  integrity: true,
  unsupported: false,
  unknown: false,
};

export interface BackendErrorDetails {
  /** The backend's registered name, as an operator knows it. */
  readonly backend?: string;
  /** The vendor's own error code, for example `NoSuchKey` or `BlobArchived`. */
  readonly vendorCode?: string;
  /** The vendor's request id, to quote to its support. */
  readonly vendorRequestId?: string;
  /** How long the vendor asked to be left alone. */
  readonly retryAfterMs?: number;
  /** Parts or staging that the failed write had sent could not be removed: `list` of `everything` shows them as uploads of its key, and `abortUpload` forgets them. */
  readonly leftBehind?: boolean;
  readonly cause?: unknown;
}

/**
 * The one failure of the backends port. It carries no HTTP status and no SDK type, and its message holds no credential.
 * Guarantees: `full` means that there is no room, that nothing of the write was kept, and that reads and deletes go on. `not-found` means the backend answered and the thing is absent; an outage is `unavailable` or `timeout`, never `not-found`.
 */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly retryable: boolean;
  readonly backend: string | undefined;
  readonly vendorCode: string | undefined;
  readonly vendorRequestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly leftBehind: boolean;

  constructor(
    readonly kind: BackendErrorKind,
    message: string,
    details: BackendErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.retryable = RETRYABLE[kind];
    this.backend = details.backend;
    this.vendorCode = details.vendorCode;
    this.vendorRequestId = details.vendorRequestId;
    this.retryAfterMs = details.retryAfterMs;
    this.leftBehind = details.leftBehind ?? false;
  }
}

export function isBackendError(error: unknown, kind?: BackendErrorKind): error is BackendError {
  return error instanceof BackendError && (kind === undefined || error.kind === kind);
}
