import { BackendError } from '../errors.js';
import type { BackendErrorKind } from '../errors.js';
import { parseFlatXml } from './xml.js';

/**
 * Every error code of S3 and its relatives that means something to Spumoni (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and the
 * vendors' own pages). A code that is not here is judged by its HTTP status.
 * `InvalidObjectState` (the object is archived and must be restored first) is `conflict`: the bytes are there, their state forbids the call, and
 * sending it again does not help. Azure answers 409 for the same.
 */
const KINDS: Readonly<Record<string, BackendErrorKind>> = {
  NoSuchBucket: 'not-found',
  NoSuchKey: 'not-found',
  NoSuchVersion: 'not-found',
  NoSuchUpload: 'not-found',
  NotFound: 'not-found',
  BucketAlreadyExists: 'conflict',
  BucketAlreadyOwnedByYou: 'conflict',
  BucketNotEmpty: 'conflict',
  InvalidBucketState: 'conflict',
  InvalidObjectState: 'conflict',
  ObjectAlreadyInActiveTierError: 'conflict',
  OperationAborted: 'conflict',
  RestoreAlreadyInProgress: 'conflict',
  // A conditional write that met another write of the key: nothing was written, the caller must look again.
  ConditionalRequestConflict: 'precondition',
  PreconditionFailed: 'precondition',
  FileAlreadyExists: 'precondition',
  NotModified: 'precondition',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  SlowDown: 'throttled',
  SlowDownRead: 'throttled',
  SlowDownWrite: 'throttled',
  RequestLimitExceeded: 'throttled',
  TooManyRequests: 'throttled',
  TooManyRequestsException: 'throttled',
  BandwidthLimitExceeded: 'throttled',
  AccessDenied: 'denied',
  AccountProblem: 'denied',
  AllAccessDisabled: 'denied',
  AuthorizationHeaderMalformed: 'denied',
  AuthFailure: 'denied',
  ExpiredToken: 'denied',
  Forbidden: 'denied',
  InvalidAccessKeyId: 'denied',
  InvalidSecurity: 'denied',
  InvalidToken: 'denied',
  NotSignedUp: 'denied',
  RequestTimeTooSkewed: 'denied',
  SignatureDoesNotMatch: 'denied',
  TokenRefreshRequired: 'denied',
  XMinioInvalidAccessKeyId: 'denied',
  InternalError: 'unavailable',
  ServiceUnavailable: 'unavailable',
  ServerBusy: 'unavailable',
  XMinioServerNotInitialized: 'unavailable',
  XMinioBackendDown: 'unavailable',
  XMinioStorageFull: 'full',
  QuotaExceeded: 'full',
  RequestTimeout: 'timeout',
  BadDigest: 'integrity',
  ChecksumMismatch: 'integrity',
  InvalidDigest: 'integrity',
  XAmzContentChecksumMismatch: 'integrity',
  XAmzContentSHA256Mismatch: 'integrity',
  NotImplemented: 'unsupported',
  MethodNotAllowed: 'unsupported',
  UnsupportedOperation: 'unsupported',
  EntityTooLarge: 'invalid',
  EntityTooSmall: 'invalid',
  IncompleteBody: 'invalid',
  IllegalLocationConstraintException: 'invalid',
  IllegalVersioningConfigurationException: 'invalid',
  InvalidArgument: 'invalid',
  InvalidBucketName: 'invalid',
  InvalidLocationConstraint: 'invalid',
  InvalidObjectName: 'invalid',
  InvalidPart: 'invalid',
  InvalidPartOrder: 'invalid',
  InvalidRange: 'invalid',
  InvalidRegion: 'invalid',
  InvalidRequest: 'invalid',
  InvalidStorageClass: 'invalid',
  InvalidTag: 'invalid',
  InvalidURI: 'invalid',
  KeyTooLongError: 'invalid',
  MalformedXML: 'invalid',
  MetadataTooLarge: 'invalid',
  MissingContentLength: 'invalid',
  PermanentRedirect: 'invalid',
  TemporaryRedirect: 'invalid',
  TooManyBuckets: 'invalid',
  XMinioInvalidObjectName: 'invalid',
};

/** For codes that are not known, and answers to HEAD, which have none. */
const STATUS_KINDS: Readonly<Record<number, BackendErrorKind>> = {
  301: 'invalid',
  307: 'invalid',
  304: 'precondition',
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  405: 'unsupported',
  408: 'timeout',
  409: 'conflict',
  411: 'invalid',
  412: 'precondition',
  413: 'invalid',
  416: 'invalid',
  429: 'throttled',
  500: 'unavailable',
  501: 'unsupported',
  502: 'unavailable',
  503: 'unavailable',
  504: 'timeout',
  507: 'full',
};

function kindOf(status: number, code: string | undefined): BackendErrorKind {
  const known = code === undefined ? undefined : KINDS[code];
  return known ?? STATUS_KINDS[status] ?? (status >= 500 ? 'unavailable' : status >= 400 ? 'invalid' : 'unknown');
}

/** An answer that is not a success, read to its end. `text` is undefined for an answer that by its nature has no body (HEAD). */
export interface FailedAnswer {
  readonly backend: string;
  /** What was attempted, for the message: `put object a/b in c`. */
  readonly action: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string | undefined;
}

/**
 * What a vendor's refusal means in the port's words. An answer that no S3 server gives (HTML, a cut document) is `unavailable` whatever its
 * status: a proxy's 404 page says nothing about an object.
 */
export function answerFailure(answer: FailedAnswer): BackendError {
  const { backend, action, status, headers, text } = answer;
  const xml = text === undefined ? undefined : parseFlatXml(text);
  const isError = xml?.root === 'Error' && xml.texts['Code'] !== undefined;
  if (status !== 429 && (text === undefined ? isForeign(headers) : !isError))
    return new BackendError('unavailable', `backend ${backend} gave no S3 answer (status ${status}) to: ${action}`, {
      backend,
    });
  const vendorCode = xml?.texts['Code'] ?? headers['x-minio-error-code'];
  const said = xml?.texts['Message'] ?? headers['x-minio-error-desc']?.replaceAll('"', '');
  const vendorRequestId = headers['x-amz-request-id'] ?? xml?.texts['RequestId'];
  const retryAfter = Number(headers['retry-after']);
  const region = headers['x-amz-bucket-region'] ?? xml?.texts['Region'];
  const elsewhere = [301, 307, 400].includes(status) && region ? ` (the container lies in region ${region})` : '';
  const because = [vendorCode, said].filter(Boolean).join(': ') || `status ${status}`;
  return new BackendError(
    kindOf(status, vendorCode),
    `backend ${backend} refused to ${action}: ${because}${elsewhere}`,
    {
      backend,
      ...(vendorCode === undefined ? {} : { vendorCode }),
      ...(vendorRequestId === undefined ? {} : { vendorRequestId }),
      ...(retryAfter > 0 ? { retryAfterMs: retryAfter * 1000 } : {}),
    },
  );
}

/** An answer to HEAD that is a web server's page rather than S3's: HTML, and none of the headers that S3 servers send. */
export function isForeign(headers: Readonly<Record<string, string>>): boolean {
  if (!headers['content-type']?.includes('html')) return false;
  return !Object.keys(headers).some((name) => /^x-(amz|amzn|minio|oss|obs)-/.test(name));
}

/** A success whose content is not what S3 sends. */
export function garbage(backend: string, action: string): BackendError {
  return new BackendError('unavailable', `backend ${backend} gave an answer that is not S3's to: ${action}`, {
    backend,
  });
}
