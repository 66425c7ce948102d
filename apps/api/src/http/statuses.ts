import type { DeploymentErrorCode } from '#libs/deployment';
import type { IdentityErrorCode } from '#libs/identity';
import type { ControlPlaneErrorKind, IndexErrorKind } from '#libs/metadata';
import type { ObjectsErrorCode } from '#libs/objects';
import type { RequestErrorCode } from './request-error.js';

/** HTTP statuses of every stable code, layer by layer. The records are exhaustive: a new code does not compile until it has its status here. */
export const STATUS_OF_REQUEST: Readonly<Record<RequestErrorCode, number>> = {
  unauthenticated: 401,
  'access-denied': 403,
  // 403, not 401: there is nothing that the holder of a link could log in with.
  'invalid-link': 403,
  'link-expired': 403,
  'link-revoked': 403,
  'link-refused': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'invalid-request': 400,
  'invalid-url': 400,
  'invalid-json': 400,
  'invalid-digest': 400,
  'malformed-request': 400,
  'header-too-large': 431,
  'body-too-large': 413,
  'not-offered': 501,
  'unsupported-media-type': 415,
  'unsupported-protocol': 412,
  overloaded: 503,
  'shutting-down': 503,
};

export const STATUS_OF_OBJECTS: Readonly<Record<ObjectsErrorCode, number>> = {
  'no-such-bucket': 404,
  'no-such-key': 404,
  'access-denied': 403,
  'bucket-exists': 409,
  'bucket-not-empty': 409,
  'bucket-not-active': 409,
  'bucket-recovering': 503,
  'container-exists': 409,
  'container-managed': 409,
  'unknown-container': 400,
  // The client must say which it wants.
  'versioning-undecided': 409,
  'adoption-unsupported': 422,
  'adoption-unfinished': 409,
  'invalid-bucket-name': 400,
  'invalid-key': 400,
  'invalid-metadata': 400,
  'invalid-tags': 400,
  'invalid-storage-class': 400,
  'invalid-range': 416,
  'invalid-request': 400,
  'unknown-backend': 400,
  'unknown-tier': 400,
  'type-mismatch': 400,
  'precondition-failed': 412,
  'not-modified': 304,
  'changed-meanwhile': 409,
  'bad-digest': 400,
  'incomplete-body': 400,
  'body-too-long': 400,
  'too-large': 413,
  'rate-limited': 429,
  'quota-exceeded': 507,
  archived: 409,
  // The record is right and the bytes are gone: neither the client's mistake nor an outage that passes.
  'object-missing': 502,
  // What lies at the vendor was tampered with or has rotted: no part of it is sent.
  damaged: 502,
  'key-unavailable': 503,
  conflict: 409,
  busy: 503,
  // Whether the write happened is not known: the client should look before it tries again.
  'outcome-unknown': 504,
  'backend-unavailable': 503,
  // There is room again once something is deleted; waiting alone helps nobody.
  'backend-full': 507,
  'backend-refused': 422,
};

export const STATUS_OF_DEPLOYMENT: Readonly<Record<DeploymentErrorCode, number>> = {
  'invalid-backend': 400,
  'no-such-backend': 404,
  'backend-exists': 409,
  'backend-in-use': 409,
  'backend-check-failed': 422,
  'credentials-required': 422,
  'invalid-tier': 400,
  'no-such-tier': 404,
  'tier-in-use': 409,
  'invalid-migration': 400,
  'no-such-migration': 404,
  'migration-unfinished': 409,
  'invalid-lifecycle': 400,
  'no-such-lifecycle': 404,
  'invalid-limits': 400,
  'no-such-job': 404,
  'no-such-upload': 404,
  'upload-offset': 409,
  'upload-expired': 410,
  'too-many-uploads': 429,
  'wrong-state': 409,
  'unknown-master-key': 400,
  'rotation-unfinished': 409,
  'changed-meanwhile': 409,
  'invalid-prices': 400,
  'invalid-webhook': 400,
  'backup-under-way': 409,
  // Told to the audit log: whoever was sent it is gone.
  'backup-unfinished': 503,
  'invalid-setting': 500,
};

/** Code and status: identity's and the control plane's own words are too short to stand alone before a client. */
export const MEANING_OF_IDENTITY: Readonly<Record<IdentityErrorCode, { code: string; status: number }>> = {
  denied: { code: 'unauthenticated', status: 401 },
  invalid: { code: 'invalid-request', status: 400 },
  exists: { code: 'exists', status: 409 },
  'not-found': { code: 'not-found', status: 404 },
  'in-use': { code: 'in-use', status: 409 },
  'last-administrator': { code: 'last-administrator', status: 409 },
};

export const MEANING_OF_CONTROL_PLANE: Readonly<Record<ControlPlaneErrorKind, { code: string; status: number }>> = {
  exists: { code: 'exists', status: 409 },
  'not-found': { code: 'not-found', status: 404 },
  conflict: { code: 'changed-meanwhile', status: 409 },
  invalid: { code: 'invalid-request', status: 400 },
  'in-use': { code: 'in-use', status: 409 },
  'last-administrator': { code: 'last-administrator', status: 409 },
  unavailable: { code: 'control-plane-unavailable', status: 503 },
  incompatible: { code: 'internal', status: 500 },
};

export const MEANING_OF_INDEX: Readonly<Record<IndexErrorKind, { code: string; status: number }>> = {
  unavailable: { code: 'index-unavailable', status: 503 },
  full: { code: 'index-full', status: 507 },
  'too-large': { code: 'record-too-large', status: 400 },
};
