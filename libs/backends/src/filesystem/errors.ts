import { BackendError, isBackendError } from '../errors.js';
import type { BackendErrorKind } from '../errors.js';
import type { Call } from '../object-backend.js';

/**
 * What each system error means to a caller of the port. Grouped by kind; a spec holds the table against the errors that this system knows.
 * ENOENT is `not-found` only after the root was seen to be the right one (see root.ts).
 */
const CODES: Readonly<Partial<Record<BackendErrorKind, string>>> = {
  'not-found': 'ENOENT ENOTDIR',
  conflict: 'EEXIST ENOTEMPTY EBUSY ETXTBSY',
  throttled: 'EMFILE ENFILE EAGAIN EWOULDBLOCK ENOBUFS ENOLCK',
  denied: 'EACCES EPERM EROFS',
  full: 'ENOSPC EDQUOT',
  timeout: 'ETIMEDOUT ETIME',
  invalid: 'EINVAL ENAMETOOLONG EFBIG EILSEQ E2BIG EDOM ERANGE EOVERFLOW',
  integrity: 'EBADMSG EUCLEAN',
  unsupported: 'ENOSYS ENOTSUP EOPNOTSUPP EXDEV EMLINK',
  unavailable:
    'EIO ENODEV ENXIO ESTALE ENOMEM EINTR ECANCELED ELOOP EISDIR EFAULT EBADF EPIPE ESPIPE EDEADLK ' +
    'EHOSTDOWN EHOSTUNREACH ENETDOWN ENETRESET ENETUNREACH ECONNABORTED ECONNREFUSED ECONNRESET ENOTCONN ENOLINK EMULTIHOP EREMOTEIO',
};

const KIND_OF_CODE: ReadonlyMap<string, BackendErrorKind> = new Map(
  Object.entries(CODES).flatMap(([kind, codes]) => codes.split(' ').map((code) => [code, kind as BackendErrorKind])),
);

/** The system's code of an error, for example `ENOENT`. Not by `instanceof`: test runners give the system's errors another `Error` than ours. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The kind for a system code; `unknown` for a code that no file operation gives. */
export function kindOfCode(code: string): BackendErrorKind {
  return KIND_OF_CODE.get(code) ?? 'unknown';
}

/** Words a system error as a failure of the port. `doing` says what was tried, without a path. */
export function systemFailure(backend: string, error: unknown, doing: string): BackendError {
  if (isBackendError(error)) return error;
  const code = codeOf(error);
  const details = { backend, cause: error, ...(code === undefined ? {} : { vendorCode: code }) };
  const kind = code === undefined ? 'unknown' : kindOfCode(code);
  return new BackendError(kind, `${doing} failed${code === undefined ? '' : ` with ${code}`}`, details);
}

/** Fails with `timeout`, the signal's reason being the cause, once the caller has given up. */
export function assertWanted(backend: string, call: Call): void {
  if (call.signal?.aborted !== true) return;
  const cause: unknown = call.signal.reason;
  throw new BackendError('timeout', 'the caller gave up', { backend, cause });
}

/** The failure of a body that threw: its own where it is a failure of the port already, for example of the backend it is copied from. */
export function bodyFailure(backend: string, cause: unknown): BackendError {
  if (isBackendError(cause)) return cause;
  return new BackendError('invalid', 'the body of the write could not be read to its end', { backend, cause });
}

/** The failure of a body whose length is not the announced one. */
export function wrongSize(backend: string, expected: number, longer: boolean): BackendError {
  const message = `the body is ${longer ? 'longer' : 'shorter'} than the ${expected} bytes that were announced`;
  return new BackendError('invalid', message, { backend });
}
