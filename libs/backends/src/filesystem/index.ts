import type { BackendDefinition } from '../definition.js';
import type { ObjectBackend } from '../object-backend.js';
import { FilesystemBackend } from './backend.js';
import { filesystemConfig } from './config.js';

/** Opens a directory tree as a backend; touches nothing yet. `invalid` names each wrong setting. */
export function openFilesystem(definition: BackendDefinition): ObjectBackend {
  return new FilesystemBackend(filesystemConfig(definition));
}
