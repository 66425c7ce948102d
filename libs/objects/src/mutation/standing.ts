import { isBackendError, type ObjectBackend, type ObjectHead, type ObjectRef } from '#libs/backends';
import type { Placement } from '#libs/metadata';
import { callOf } from '../engine.js';
import type { Target } from '../target.js';

export function placementRef(placement: Placement): ObjectRef {
  return { container: placement.container, key: placement.key, token: placement.token };
}

/** What stands at the target's place now, whoever wrote it, or with a token that very write; undefined if the backend says that nothing does. An outage throws. */
export async function headStanding(
  target: Target,
  context: { requestId: string },
  options: { readonly withTags?: boolean; readonly token?: string } = {},
): Promise<ObjectHead | undefined> {
  try {
    // Deliberately without the client's signal: a client that left does not make the question moot.
    return await target.backend.head(
      { requestId: context.requestId },
      { container: target.container, key: target.backendKey, ...options },
    );
  } catch (error) {
    if (isBackendError(error, 'not-found')) return undefined;
    if (options.token !== undefined && isBackendError(error, 'precondition')) return undefined;
    throw error;
  }
}

/** Deletes one write's bytes that no record names. Says nothing if they are gone already. */
export async function discardBytes(
  backend: ObjectBackend,
  context: { requestId: string },
  ref: ObjectRef,
): Promise<void> {
  await backend.delete(callOf({ requestId: context.requestId }), ref);
}
