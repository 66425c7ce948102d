/** Backups of a deployment's metadata: one file, and back again. */
export { backUp, streamBackup, type BackUp, type BackupSource, type Progress, type WrittenBackup } from './back-up.js';
export { checkBackup } from './check-file.js';
export { BackupError, type BackupErrorKind } from './errors.js';
export { FILE_VERSION, type Counts, type Header } from './format.js';
export { openBackup, type OpenBackup } from './read-file.js';
export type { BackupKeys, Trust } from './signature.js';
export { restore, type Restore, type Restored } from './restore.js';
