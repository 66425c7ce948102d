import type { BackendDefinition } from '../definition.js';
import type { MachineIdentity } from '../identity/index.js';
import type { ObjectBackend } from '../object-backend.js';
import { GcsBackend } from './backend.js';
import { parseConfig } from './config.js';

/** Opens a Google Cloud Storage backend; sends nothing yet. Fails with `invalid`, naming each bad setting. `now` is the clock of its access tokens, in milliseconds. */
export function openGcs(definition: BackendDefinition, machine?: MachineIdentity, now?: () => number): ObjectBackend {
  return new GcsBackend(parseConfig(definition, machine), now);
}
