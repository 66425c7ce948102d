import { BackendError } from './errors.js';
import type { BackendDefinition } from './definition.js';
import type { ObjectBackend } from './object-backend.js';
import type { BackendType } from '#libs/naming';

type Open = (definition: BackendDefinition) => ObjectBackend;

/** One line a vendor. Loaded on first use, so that a filesystem-only process never loads a cloud SDK. */
const ADAPTERS: Readonly<Record<BackendType, () => Promise<Open>>> = {
  aws: async () => (await import('./aws/index.js')).openAws,
  s3: async () => (await import('./aws/index.js')).openAws,
  azure: async () => (await import('./azure/index.js')).openAzure,
  gcs: async () => (await import('./gcs/index.js')).openGcs,
  filesystem: async () => (await import('./filesystem/index.js')).openFilesystem,
};

/**
 * Opens the adapter for a definition; sends nothing yet. Fails with `invalid`, naming each setting that is missing, unknown or of the wrong form,
 * and with `invalid` for a plain http endpoint without `options.insecure`.
 */
export async function openBackend(definition: BackendDefinition): Promise<ObjectBackend> {
  const open = await ADAPTERS[definition.type]();
  try {
    return open(definition);
  } catch (error) {
    if (error instanceof BackendError) throw error;
    throw new BackendError('invalid', `backend ${definition.name} cannot be opened`, {
      backend: definition.name,
      cause: error,
    });
  }
}
