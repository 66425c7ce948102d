import { BackendError, isBackendError } from '../errors.js';
import type { Call } from '../object-backend.js';

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
