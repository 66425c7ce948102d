import type { BackendDefinition } from '../definition.js';
import type { MachineIdentity } from '../identity/index.js';
import type { ObjectBackend } from '../object-backend.js';
import { AzureBackend } from './backend.js';
import { parseConfig } from './config.js';

/** Opens a backend of type `azure`; sends nothing yet. Fails with `invalid`, naming each setting that is missing, unknown or of the wrong form. */
export function openAzure(definition: BackendDefinition, machine?: MachineIdentity, now?: () => number): ObjectBackend {
  return new AzureBackend(parseConfig(definition, machine), now);
}
