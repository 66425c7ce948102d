import type { RestError } from '@azure/storage-blob';
import { BackendError } from '../errors.js';
import type { BackendErrorKind } from '../errors.js';
import type { Call } from '../object-backend.js';
import { abortFailure, wireFailure } from '../wire/failures.js';

/**
 * The error codes of Azure Storage that mean something to Spumoni (learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes,
 * .../blob-service-error-codes). A code that is not here is judged by its HTTP status.
 */
const KINDS: Readonly<Record<string, BackendErrorKind>> = {
  BlobNotFound: 'not-found',
  ContainerNotFound: 'not-found',
  ResourceNotFound: 'not-found',
  // An unmet If-None-Match: * of a write.
  BlobAlreadyExists: 'precondition',
  ConditionNotMet: 'precondition',
  SourceConditionNotMet: 'precondition',
  TargetConditionNotMet: 'precondition',
  AccountAlreadyExists: 'conflict',
  // The bytes are there, their state forbids the call, and sending it again does not help.
  BlobArchived: 'conflict',
  BlobNotArchived: 'conflict',
  BlobBeingRehydrated: 'conflict',
  BlobImmutableDueToPolicy: 'conflict',
  BlobImmutableDueToLegalHold: 'conflict',
  BlobOverwritten: 'conflict',
  BlobUsesCustomerSpecifiedEncryption: 'conflict',
  ContainerAlreadyExists: 'conflict',
  ContainerBeingDeleted: 'conflict',
  ContainerDisabled: 'conflict',
  IncrementalCopyBlobMismatch: 'conflict',
  InvalidBlobType: 'conflict',
  InvalidOperation: 'conflict',
  NoPendingCopyOperation: 'conflict',
  PendingCopyOperation: 'conflict',
  ResourceAlreadyExists: 'conflict',
  ResourceTypeMismatch: 'conflict',
  SnapshotsPresent: 'conflict',
  SnapshotCountExceeded: 'conflict',
  LeaseAlreadyBroken: 'conflict',
  LeaseIdMismatchWithContainerOperation: 'conflict',
  LeaseIdMismatchWithLeaseOperation: 'conflict',
  LeaseLost: 'conflict',
  LeaseNotPresentWithBlobOperation: 'conflict',
  LeaseNotPresentWithContainerOperation: 'conflict',
  LeaseNotPresentWithLeaseOperation: 'conflict',
  // Another writer holds the blob for a moment (see restamp.ts): the same call succeeds when it is done.
  LeaseAlreadyPresent: 'throttled',
  LeaseIdMissing: 'throttled',
  LeaseIdMismatchWithBlobOperation: 'throttled',
  LeaseIsBreakingAndCannotBeAcquired: 'throttled',
  LeaseIsBreakingAndCannotBeChanged: 'throttled',
  SnapshotOperationRateExceeded: 'throttled',
  ServerBusy: 'throttled',
  AccountBeingCreated: 'unavailable',
  InternalError: 'unavailable',
  SystemInUse: 'unavailable',
  OperationTimedOut: 'timeout',
  AccountIsDisabled: 'denied',
  AuthenticationFailed: 'denied',
  AuthorizationFailure: 'denied',
  AuthorizationPermissionMismatch: 'denied',
  AuthorizationProtocolMismatch: 'denied',
  AuthorizationResourceTypeMismatch: 'denied',
  AuthorizationServiceMismatch: 'denied',
  AuthorizationSourceIPMismatch: 'denied',
  InsufficientAccountPermissions: 'denied',
  InvalidAuthenticationInfo: 'denied',
  KeyBasedAuthenticationNotPermitted: 'denied',
  NoAuthenticationInformation: 'denied',
  PublicAccessNotPermitted: 'denied',
  UnauthorizedBlobOverwrite: 'denied',
  Md5Mismatch: 'integrity',
  Crc64Mismatch: 'integrity',
  FeatureVersionMismatch: 'unsupported',
  BlobAccessTierNotSupportedForAccountType: 'unsupported',
  FeatureNotYetSupportedForHierarchicalNamespaceAccounts: 'unsupported',
  NotImplemented: 'unsupported',
  UnsupportedHttpVerb: 'unsupported',
  InvalidHttpVerb: 'unsupported',
  UnsupportedHeader: 'invalid',
  UnsupportedQueryParameter: 'invalid',
  UnsupportedXmlNode: 'invalid',
  BlockCountExceedsLimit: 'invalid',
  BlockListTooLong: 'invalid',
  CannotChangeToLowerTier: 'invalid',
  CannotVerifyCopySource: 'invalid',
  ConditionHeadersNotSupported: 'invalid',
  ContentLengthLargerThanTierLimit: 'invalid',
  AccessTierNotSupportedForBlobType: 'invalid',
  BlobTierInadequateForContentLength: 'invalid',
  CopyAcrossAccountsNotSupported: 'invalid',
  EmptyMetadataKey: 'invalid',
  InvalidBlobOrBlock: 'invalid',
  InvalidBlobTier: 'invalid',
  InvalidBlockId: 'invalid',
  InvalidBlockList: 'invalid',
  InvalidHeaderValue: 'invalid',
  InvalidInput: 'invalid',
  InvalidMd5: 'invalid',
  InvalidMetadata: 'invalid',
  InvalidQueryParameterValue: 'invalid',
  InvalidRange: 'invalid',
  InvalidResourceName: 'invalid',
  InvalidSourceBlobType: 'invalid',
  InvalidSourceBlobUrl: 'invalid',
  InvalidTags: 'invalid',
  InvalidUri: 'invalid',
  InvalidXmlDocument: 'invalid',
  InvalidXmlNodeValue: 'invalid',
  MetadataTooLarge: 'invalid',
  MissingContentLengthHeader: 'invalid',
  MissingRequiredHeader: 'invalid',
  MissingRequiredQueryParameter: 'invalid',
  MissingRequiredXmlNode: 'invalid',
  MultipleConditionHeadersNotSupported: 'invalid',
  OutOfRangeInput: 'invalid',
  OutOfRangeQueryParameterValue: 'invalid',
  RequestBodyTooLarge: 'invalid',
  RequestUrlFailedToParse: 'invalid',
  TagsTooLarge: 'invalid',
  UnsatisfiableCondition: 'invalid',
};

/** For codes that are not known. */
const STATUS_KINDS: Readonly<Record<number, BackendErrorKind>> = {
  304: 'precondition',
  400: 'invalid',
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
  503: 'throttled',
  504: 'timeout',
};

/** How long to leave a call alone where Azure itself does not say: a deleted container's name is blocked for at least 30 seconds. */
const PAUSES_MS: Readonly<Record<string, number>> = {
  ContainerBeingDeleted: 30_000,
  LeaseAlreadyPresent: 1000,
  LeaseIdMissing: 1000,
  LeaseIdMismatchWithBlobOperation: 1000,
};

/** The kind of a refusal; unknown codes go by their status, unknown statuses by their hundred. */
export function kindOf(status: number, code: string | undefined): BackendErrorKind {
  const known = code === undefined ? undefined : KINDS[code];
  return known ?? STATUS_KINDS[status] ?? (status >= 500 ? 'unavailable' : status >= 400 ? 'invalid' : 'unknown');
}

/** An answer that is not a success, read to its end. */
export interface FailedAnswer {
  readonly backend: string;
  /** What was attempted, for the message: `put a/b in c`. */
  readonly action: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Every answer of the blob service bears it, failures and answers to HEAD included. A proxy's error page, or another server, does not. */
const SIGN_OF_AZURE = 'x-ms-request-id';

/** Fails with `unavailable` unless the answer is Azure's: some web server's 404 page says nothing about a blob. */
export function assertFromAzure(headers: Readonly<Record<string, string>>, backend: string, action: string): void {
  if (headers[SIGN_OF_AZURE] === undefined) throw garbage(backend, action);
}

/** What Azure's refusal means in the port's words. */
export function answerFailure({ backend, action, status, headers, text }: FailedAnswer): BackendError {
  if (headers[SIGN_OF_AZURE] === undefined && status !== 429) return garbage(backend, action, ` (status ${status})`);
  const vendorCode = headers['x-ms-error-code'] ?? element(text, 'Code');
  // The first line: the rest repeats the request id and the time.
  const said = element(text, 'Message')?.split('\n')[0];
  const because = [vendorCode, said].filter(Boolean).join(': ') || `status ${status}`;
  const vendorRequestId = headers[SIGN_OF_AZURE];
  const asked = Number(headers['retry-after']) * 1000;
  const retryAfterMs = asked > 0 ? asked : PAUSES_MS[vendorCode ?? ''];
  return new BackendError(kindOf(status, vendorCode), `backend ${backend} refused to ${action}: ${because}`, {
    backend,
    ...(vendorCode === undefined ? {} : { vendorCode }),
    ...(vendorRequestId === undefined ? {} : { vendorRequestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** An answer that is not what Azure sends. */
export function garbage(backend: string, action: string, detail = ''): BackendError {
  return new BackendError(
    'unavailable',
    `backend ${backend} gave an answer that is not Azure's${detail} to: ${action}`,
    {
      backend,
    },
  );
}

/** What a failure of the SDK means: a refusal, the caller's giving up, or no answer at all. */
export function sdkFailure(error: unknown, backend: string, action: string, call: Call): BackendError {
  if (error instanceof BackendError) return error;
  if (call.signal?.aborted) return abortFailure(backend, call.signal.reason);
  if (isNamed(error, 'AbortError') || isNamed(error, 'TimeoutError'))
    return new BackendError('timeout', `backend ${backend} did not answer in time to: ${action}`, {
      backend,
      cause: error,
    });
  if (!isRestError(error) || error.response === undefined) return wireFailure(backend, error);
  const { status, headers, bodyAsText } = error.response;
  // A document that cannot be parsed comes with the status of a success.
  if (status < 300) return garbage(backend, action, ', an unreadable document');
  return answerFailure({ backend, action, status, headers: headers.toJSON(), text: bodyAsText ?? '' });
}

/** By name, not by `instanceof`, which would load the SDK. */
function isRestError(error: unknown): error is RestError {
  return isNamed(error, 'RestError');
}

function isNamed(error: unknown, name: string): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === name;
}

function element(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
}
