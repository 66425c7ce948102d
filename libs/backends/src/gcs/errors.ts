import { BackendError } from '../errors.js';
import type { BackendErrorKind } from '../errors.js';

/**
 * Every reason of the JSON API that means something to Spumoni (cloud.google.com/storage/docs/json_api/v1/status-codes). One that is not here is
 * judged by its HTTP status; so is `required`, which stands for a missing field with 400, a missing login with 401 and a missing length with 411.
 */
const KINDS: Readonly<Record<string, BackendErrorKind>> = {
  notFound: 'not-found',
  conflict: 'conflict',
  // The object may not be changed or removed in its state; sending it again does not help.
  objectUnderActiveHold: 'conflict',
  retentionPolicyNotMet: 'conflict',
  conditionNotMet: 'precondition',
  notModified: 'precondition',
  rateLimitExceeded: 'throttled',
  userRateLimitExceeded: 'throttled',
  userRateLimitExceededUnreg: 'throttled',
  dailyLimitExceeded: 'throttled',
  dailyLimitExceededUnreg: 'throttled',
  quotaExceeded: 'throttled',
  concurrentLimitExceeded: 'throttled',
  servingLimitExceeded: 'throttled',
  usageLimits: 'throttled',
  accountDisabled: 'denied',
  accessNotConfigured: 'denied',
  authError: 'denied',
  countryBlocked: 'denied',
  expired: 'denied',
  forbidden: 'denied',
  insufficientPermissions: 'denied',
  invalidCredentials: 'denied',
  lockedDomainExpired: 'denied',
  lockedDomainForbidden: 'denied',
  sslRequired: 'denied',
  stopChannelCallerNotOwner: 'denied',
  userAccess: 'denied',
  UserProjectAccessDenied: 'denied',
  UserProjectAccountProblem: 'denied',
  UserProjectInconsistent: 'invalid',
  UserProjectMissing: 'invalid',
  backendError: 'unavailable',
  internalError: 'unavailable',
  serviceUnavailable: 'unavailable',
  uploadBrokenConnection: 'unavailable',
  gatewayTimeout: 'timeout',
  methodNotAllowed: 'unsupported',
  notImplemented: 'unsupported',
  badRequest: 'invalid',
  corsRequestWithXOrigin: 'invalid',
  customerEncryptionAlgorithmIsInvalid: 'invalid',
  customerEncryptionKeyFormatIsInvalid: 'invalid',
  customerEncryptionKeyIsIncorrect: 'invalid',
  customerEncryptionKeySha256IsInvalid: 'invalid',
  invalid: 'invalid',
  invalidAltValue: 'invalid',
  invalidArgument: 'invalid',
  invalidParameter: 'invalid',
  keyInvalid: 'invalid',
  notDownload: 'invalid',
  notUpload: 'invalid',
  parseError: 'invalid',
  requestedRangeNotSatisfiable: 'invalid',
  resourceIsEncryptedWithCustomerEncryptionKey: 'invalid',
  resourceNotEncryptedWithCustomerEncryptionKey: 'invalid',
  responseTooLarge: 'invalid',
  turnedDown: 'unsupported',
  unknownLocation: 'invalid',
  uploadTooLarge: 'invalid',
  userProjectMissing: 'invalid',
  wrongUrlForUpload: 'invalid',
};

const STATUS_KINDS: Readonly<Record<number, BackendErrorKind>> = {
  304: 'precondition',
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  405: 'unsupported',
  408: 'timeout',
  409: 'conflict',
  // An upload session or a rewrite token that is no more: it says nothing about an object.
  410: 'unavailable',
  412: 'precondition',
  429: 'throttled',
  // A session cancelled while an upload was under way.
  499: 'unavailable',
  500: 'unavailable',
  501: 'unsupported',
  502: 'unavailable',
  503: 'unavailable',
  504: 'timeout',
};

/** What a reason, else a status, means. A hash that does not match has no reason of its own: 400 `invalid`, told by its message alone. */
function kindOf(status: number, reason: string | undefined, message: string | undefined): BackendErrorKind {
  if (status === 400 && /(md5|crc32c).*(match|mismatch)/i.test(message ?? '')) return 'integrity';
  const known = reason === undefined ? undefined : KINDS[reason];
  return known ?? STATUS_KINDS[status] ?? (status >= 500 ? 'unavailable' : status >= 400 ? 'invalid' : 'unknown');
}

/** An answer that is not a success, read to its end. */
export interface FailedAnswer {
  readonly backend: string;
  /** What was attempted, for the message: `write a/b in c`. */
  readonly action: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/**
 * What a refusal means in the port's words. GCS answers in JSON, media requests and upload sessions also in plain text; those bear its
 * `x-guploader-uploadid`. Anything else (HTML of a proxy, a cut document) is `unavailable` whatever its status: it says nothing about an object.
 */
export function answerFailure(answer: FailedAnswer): BackendError {
  const { backend, action, status, headers, text } = answer;
  const said = readRefusal(text);
  const vendorRequestId = headers['x-guploader-uploadid'];
  if (!said && vendorRequestId === undefined && status !== 429)
    return new BackendError('unavailable', `backend ${backend} gave no GCS answer (status ${status}) to: ${action}`, {
      backend,
    });
  const because = [said?.reason, said?.message].filter(Boolean).join(': ') || `status ${status}`;
  const retryAfter = Number(headers['retry-after']);
  return new BackendError(
    kindOf(status, said?.reason, said?.message),
    `backend ${backend} refused to ${action}: ${because}`,
    {
      backend,
      ...(said?.reason === undefined ? {} : { vendorCode: said.reason }),
      ...(vendorRequestId === undefined ? {} : { vendorRequestId }),
      ...(retryAfter > 0 ? { retryAfterMs: retryAfter * 1000 } : {}),
    },
  );
}

interface Refusal {
  readonly reason?: string;
  readonly message?: string;
}

/** The JSON API's error document: `{"error": {"code", "message", "errors": [{"reason", "message", …}]}}`. */
function readRefusal(text: string): Refusal | undefined {
  const error = field(parseJson(text), 'error');
  if (typeof field(error, 'code') !== 'number') return undefined;
  const errors = field(error, 'errors');
  const reason = Array.isArray(errors) ? field(errors[0], 'reason') : undefined;
  const message = field(error, 'message');
  return {
    ...(typeof reason === 'string' && reason !== '' ? { reason } : {}),
    ...(typeof message === 'string' && message !== '' ? { message } : {}),
  };
}

/** The parsed text, or undefined: that a text is not JSON is what the caller wants to know. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

/** A success whose content is not what GCS sends. */
export function garbage(backend: string, action: string): BackendError {
  return new BackendError('unavailable', `backend ${backend} gave an answer that is not GCS's to: ${action}`, {
    backend,
  });
}
