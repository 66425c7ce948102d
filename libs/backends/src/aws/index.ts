import type { BackendDefinition } from '../definition.js';
import type { MachineIdentity } from '../identity/index.js';
import type { ObjectBackend } from '../object-backend.js';
import { AwsBackend } from './backend.js';
import { parseConfig } from './config.js';

/** Opens AWS S3 or a service of its protocol; sends nothing yet. Fails with `invalid`, naming each bad setting. */
export function openAws(definition: BackendDefinition, machine?: MachineIdentity, now?: () => number): ObjectBackend {
  return new AwsBackend(parseConfig(definition, machine), now);
}
