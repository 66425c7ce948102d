import type { BackendDefinition } from '../definition.js';
import { FilesystemBackend } from './backend.js';
import { filesystemConfig } from './config.js';
import type { FilesystemTools } from './place.js';

/** Opens a directory tree as a backend; touches nothing yet. `invalid` names each wrong setting. */
export function openFilesystem(definition: BackendDefinition, tools?: FilesystemTools): FilesystemBackend {
  return new FilesystemBackend(filesystemConfig(definition), tools);
}
