import { BackendError } from './errors.js';
import type { BackendDefinition } from './definition.js';
import { NO_MACHINE_IDENTITY } from './identity/index.js';
import type { MachineIdentity } from './identity/index.js';
import type { ObjectBackend } from './object-backend.js';
import type { BackendType } from '#libs/naming';

type Open = (definition: BackendDefinition, machine: MachineIdentity) => ObjectBackend;

/** One line a vendor. Loaded on first use, so that a filesystem-only process never loads a cloud SDK. */
const ADAPTERS: Readonly<Record<BackendType, () => Promise<Open>>> = {
  aws: async () => (await import('./aws/index.js')).openAws,
  s3: async () => (await import('./aws/index.js')).openAws,
  azure: async () => (await import('./azure/index.js')).openAzure,
  gcs: async () => (await import('./gcs/index.js')).openGcs,
  filesystem: async () => {
    const { openFilesystem } = await import('./filesystem/index.js');
    return (definition) => openFilesystem(definition);
  },
};

/**
 * Opens the adapter for a definition; sends nothing yet. Fails with `invalid`, naming each setting that is missing, unknown or of the wrong form,
 * for a plain http endpoint without `options.insecure`, and for a use of this machine's identity that `machine` does not allow (default: any).
 */
export async function openBackend(
  definition: BackendDefinition,
  machine: MachineIdentity = NO_MACHINE_IDENTITY,
): Promise<ObjectBackend> {
  const open = await ADAPTERS[definition.type]();
  try {
    return open(definition, machine);
  } catch (error) {
    if (error instanceof BackendError) throw error;
    throw new BackendError('invalid', `backend ${definition.name} cannot be opened`, {
      backend: definition.name,
      cause: error,
    });
  }
}
