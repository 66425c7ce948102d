import type { ControlPlane } from '#libs/metadata';
import { DEFAULT_TIER_POLICIES } from '#libs/tiering';
import type { BackendService } from './backends/backend-service.js';
import { isDeploymentError } from './errors.js';

/** The backend that every deployment starts with, so that a tour needs no cloud. */
export const LOCAL_BACKEND = 'local';

/**
 * On the first start, whichever process comes first: registers the backend `local` and makes the default tier policies. What an administrator deleted stays deleted: the policies are made
 * last, once in a deployment's life, and the backend only where there is neither a policy nor a backend yet, so a start that was killed in between is made good by the next.
 * Without a place for objects (processes that share no disk) no backend is made.
 */
export async function makeFirstThings(
  plane: ControlPlane,
  backends: BackendService,
  objectsPath: string | undefined,
): Promise<void> {
  const [tiers, registered] = await Promise.all([plane.tiers.list({ limit: 1 }), plane.backends.list({ limit: 1 })]);
  const isFirst = tiers.items.length === 0 && registered.items.length === 0;
  if (isFirst && objectsPath !== undefined) await registerLocal(backends, objectsPath);
  if (await plane.tiers.seed(DEFAULT_TIER_POLICIES)) plane.configuration.invalidate();
}

async function registerLocal(backends: BackendService, path: string): Promise<void> {
  try {
    await backends.register('first-start', { name: LOCAL_BACKEND, type: 'filesystem', options: { path } });
  } catch (error) {
    // Another process that starts now was quicker.
    if (!isDeploymentError(error, 'backend-exists')) throw error;
  }
}
