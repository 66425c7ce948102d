import { HttpException } from '@nestjs/common';
import { isBackendError } from '#libs/backends';
import { DeploymentError } from '#libs/deployment';
import { IdentityError } from '#libs/identity';
import { ControlPlaneError, IndexError } from '#libs/metadata';
import { fromBackend, ObjectsError } from '#libs/objects';
import { RequestError } from './request-error.js';
import {
  MEANING_OF_CONTROL_PLANE,
  MEANING_OF_IDENTITY,
  MEANING_OF_INDEX,
  STATUS_OF_DEPLOYMENT,
  STATUS_OF_OBJECTS,
  STATUS_OF_REQUEST,
} from './statuses.js';

/** The body of every error answer: RFC 9457, with a stable `code`, the `requestId`, and facts that depend on the code. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId: string;
  readonly [fact: string]: unknown;
}

export const PROBLEM_TYPE = 'application/problem+json';

/** An error as a client is told it. */
export interface Told {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** Seconds, for `Retry-After`. */
  readonly retryAfter?: number;
  /** Not foreseen: to be logged with its cause, and told without details. */
  readonly internal?: true;
}

const RETRY_AFTER_SECONDS = 5;

/** Any error as a client is told it. What is not known here is `internal`, and nothing of it is told. */
export function tell(error: unknown): Told {
  const known = tellKnown(isBackendError(error) ? fromBackend(error, error.backend ?? 'unnamed') : error);
  if (known === undefined || (known.status === 500 && known.code !== 'invalid-setting')) return INTERNAL;
  return known.status === 503 ? { retryAfter: RETRY_AFTER_SECONDS, ...known } : known;
}

const INTERNAL: Told = {
  status: 500,
  code: 'internal',
  detail: 'something went wrong in Spumoni; the log has the reason under this request id',
  facts: {},
  internal: true,
};

function tellKnown(error: unknown): Told | undefined {
  if (error instanceof ObjectsError) {
    const { retryAfterSeconds } = error;
    return {
      ...told(STATUS_OF_OBJECTS[error.code], error.code, error),
      facts: error.facts,
      ...(retryAfterSeconds === undefined ? {} : { retryAfter: retryAfterSeconds }),
    };
  }
  if (error instanceof RequestError)
    return { ...told(STATUS_OF_REQUEST[error.code], error.code, error), facts: error.facts };
  if (error instanceof DeploymentError) {
    const { violations } = error;
    const facts = violations.length > 0 ? { ...error.facts, violations } : error.facts;
    return { ...told(STATUS_OF_DEPLOYMENT[error.code], error.code, error), facts };
  }
  return tellStores(error);
}

function tellStores(error: unknown): Told | undefined {
  if (error instanceof IdentityError) {
    const { status, code } = MEANING_OF_IDENTITY[error.code];
    return told(status, code, error);
  }
  if (error instanceof ControlPlaneError) {
    const { status, code } = MEANING_OF_CONTROL_PLANE[error.kind];
    // An outage's message quotes the driver; the log has it.
    return status === 503
      ? { status, code, detail: 'the control plane cannot be reached just now', facts: {} }
      : told(status, code, error);
  }
  if (error instanceof IndexError) {
    const { status, code } = MEANING_OF_INDEX[error.kind];
    return status === 503
      ? { status, code, detail: 'the object index cannot be reached just now', facts: {} }
      : told(status, code, error);
  }
  return tellRouter(error);
}

/** What Nest and Fastify themselves refuse: a route that is not there, a URL that is none, a media type that is none. */
function tellRouter(error: unknown): Told | undefined {
  const status = error instanceof HttpException ? error.getStatus() : statusOfFastify(error);
  if (!(error instanceof Error) || status === undefined || status >= 500) return undefined;
  return told(status, CODE_OF_ROUTER[status] ?? 'invalid-request', error);
}

const CODE_OF_ROUTER: Readonly<Record<number, string>> = {
  403: 'access-denied',
  404: 'not-found',
  415: 'unsupported-media-type',
};

function statusOfFastify(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || !('code' in error)) return undefined;
  const isFastifys = typeof error.code === 'string' && error.code.startsWith('FST_');
  return isFastifys && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

function told(status: number, code: string, error: Error): Told {
  return { status, code, detail: error.message, facts: {} };
}

/** The problem document. Facts never hide the members of RFC 9457. */
export function problemOf(answer: Told, requestId: string): Problem {
  const { status, code, detail, facts } = answer;
  return { ...facts, type: `urn:spumoni:problem:${code}`, title: titleOf(code), status, code, detail, requestId };
}

function titleOf(code: string): string {
  const words = code.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
