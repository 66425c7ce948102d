import type { BackendErrorKind } from '#libs/backends';
import { IndexError, isControlPlaneError } from '#libs/metadata';
import { isObjectsError } from '../errors.js';

const AWAY: ReadonlySet<unknown> = new Set<BackendErrorKind>(['unavailable', 'timeout']);

/** The same where looks at objects are all there is to do: a backend that does not answer says nothing of them either. Refusals of single objects are no outage. */
export function isOutage(error: unknown): boolean {
  return isStoreOutage(error) || (isObjectsError(error, 'backend-unavailable') && AWAY.has(error.facts['kind']));
}

/**
 * True where the index or the control plane was away. That says nothing of the object that was being looked at, so a job does not count it as failed: it ends early, is given back, and goes on at its checkpoint once they are back.
 */
export function isStoreOutage(error: unknown): boolean {
  if (isObjectsError(error, 'outcome-unknown')) return isStoreOutage(error.cause);
  return error instanceof IndexError ? error.kind === 'unavailable' : isControlPlaneError(error, 'unavailable');
}
