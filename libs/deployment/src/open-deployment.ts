import type { Settings } from '#libs/settings';
import type { Deployment, DeploymentOptions } from './deployment.js';
import { DeploymentError } from './errors.js';

/**
 * Opens all of Spumoni for one process: control plane (migrated), object index, master key, queue, services; and, once in a deployment's life, makes the default tier policies,
 * the backend `local` at `<data>/objects`, and (role `api`) the first administrator. Backends are opened when they are first needed, so it opens with every one of them down (A1.8).
 * Fails with `ControlPlaneError`, `IndexError`, `MasterKeyError` or `DeploymentError` `invalid-setting`; what was opened by then is closed again.
 */
export function openDeployment(settings: Settings, options: DeploymentOptions): Promise<Deployment> {
  return Promise.reject(
    new DeploymentError('invalid-setting', `no ${options.role} can be opened yet in ${settings.dataDirectory}`),
  );
}
