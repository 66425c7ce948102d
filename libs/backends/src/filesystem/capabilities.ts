import type { BackendCapabilities } from '../capabilities.js';

export const DEFAULT_CLASS = 'STANDARD';

/**
 * A directory tree that stores by id. Writes coexist and no index of keys is kept, so a write cannot be made conditional on what stands at its key:
 * conditions fail with `unsupported`.
 */
export const FILESYSTEM_CAPABILITIES: BackendCapabilities = {
  tokens: 'id',
  writeIfAbsent: false,
  writeIfToken: false,
  deleteByToken: true,
  multipart: true,
  serverSideCopy: true,
  tags: 'native',
  storageClasses: [DEFAULT_CLASS],
};
