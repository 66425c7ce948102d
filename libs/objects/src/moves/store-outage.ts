import { IndexError, isControlPlaneError } from '#libs/metadata';
import { isObjectsError } from '../errors.js';

/**
 * True where the index or the control plane was away. That says nothing of the object that was being looked at, so a job does not count it as failed: it ends early, is given back, and goes on at its checkpoint once they are back.
 */
export function isStoreOutage(error: unknown): boolean {
  if (isObjectsError(error, 'outcome-unknown')) return isStoreOutage(error.cause);
  return error instanceof IndexError ? error.kind === 'unavailable' : isControlPlaneError(error, 'unavailable');
}
