import { BackendError, isBackendError } from '../errors.js';
import type { BackendErrorKind } from '../errors.js';
import { ProxyFailure } from './line.js';

/** The source of an upload's bytes threw while they were read: the vendor is not to blame. `cause` is what the source threw. */
export class BodySourceError extends Error {
  override readonly name = 'BodySourceError';

  constructor(cause: unknown) {
    super('the source of the body failed while it was read', { cause });
  }
}

/** The failure of an upload's own source where that is what ended a call, however deep in the chain of causes. */
export function sourceFailureOf(error: unknown): BodySourceError | undefined {
  if (error instanceof BodySourceError) return error;
  if (error instanceof AggregateError) return error.errors.map(sourceFailureOf).find((found) => found !== undefined);
  return error instanceof Error ? sourceFailureOf(error.cause) : undefined;
}

/** Codes that do not mean `unavailable`. Everything else that a socket, TLS or the HTTP parser reports does: nothing usable came back. */
const KINDS: Readonly<Record<string, BackendErrorKind>> = {
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_INVALID_ARG: 'invalid',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'invalid',
};

const UNTRUSTED = 'shows a certificate of an authority that is not trusted';

const SAYINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ENOTFOUND: 'has a host name that does not resolve',
  EAI_AGAIN: 'has a host name that could not be resolved now',
  ECONNRESET: 'reset the connection',
  EPIPE: 'closed the connection while bytes were sent',
  UND_ERR_SOCKET: 'closed the connection before the answer was complete',
  UND_ERR_CONNECT_TIMEOUT: 'did not accept a connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'stopped sending in the middle of an answer',
  UND_ERR_DESTROYED: 'was closed while the call was under way',
  UND_ERR_CLOSED: 'is closed',
  SELF_SIGNED_CERT_IN_CHAIN: `${UNTRUSTED}: give its certificate as options.ca`,
  DEPTH_ZERO_SELF_SIGNED_CERT: `${UNTRUSTED}: give its certificate as options.ca`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${UNTRUSTED}: give its certificate as options.ca`,
  UNABLE_TO_GET_ISSUER_CERT: `${UNTRUSTED}: give its certificate as options.ca`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `${UNTRUSTED}: give its certificate as options.ca`,
  CERT_HAS_EXPIRED: 'shows a certificate that has expired',
  CERT_NOT_YET_VALID: 'shows a certificate that is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'shows a certificate for another host name',
  LINK_LOCAL_ADDRESS: 'has a host name that leads to a metadata service, where no backend is',
};

/** By shape, not by `instanceof`: an error may come from another realm than this module. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if ('errors' in error && Array.isArray(error.errors)) return codeOf(error.errors[0]);
  return 'cause' in error ? codeOf(error.cause) : undefined;
}

/** What a failed exchange means in the port's words. The message names the backend, never a header or a credential. */
export function wireFailure(backend: string, error: unknown): BackendError {
  if (isBackendError(error)) return error;
  if (error instanceof BodySourceError) {
    const kind = isBackendError(error.cause) ? error.cause.kind : 'invalid';
    return new BackendError(kind, error.message, { backend, cause: error });
  }
  if (error instanceof ProxyFailure)
    return new BackendError('unavailable', `backend ${backend}: ${error.message}`, { backend, cause: error });
  const code = codeOf(error);
  const kind = code === undefined ? 'unavailable' : (KINDS[code] ?? 'unavailable');
  const saying = code === undefined ? undefined : SAYINGS[code];
  const fallback =
    kind === 'invalid' ? 'could not be sent this request' : `did not give a usable answer${code ? ` (${code})` : ''}`;
  return new BackendError(kind, `backend ${backend} ${saying ?? fallback}`, { backend, cause: error });
}

/** A call that its caller gave up: `timeout`, the signal's reason being the cause. */
export function abortFailure(backend: string, reason: unknown): BackendError {
  return new BackendError('timeout', `the call to backend ${backend} was given up by its caller`, {
    backend,
    cause: reason,
  });
}

export function silenceFailure(backend: string, milliseconds: number): BackendError {
  return new BackendError('timeout', `backend ${backend} was silent for ${milliseconds} ms`, { backend });
}
