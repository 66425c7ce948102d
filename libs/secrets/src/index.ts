/** Secrets that cannot leak by accident, and the way they are kept: envelope encryption under a master key. */
export { Secret, hiddenText } from './secret.js';
export { MasterKey, masterKeyBytes, type MasterKeys } from './master-key.js';
export { requireMasterKey } from './master-keys.js';
export { KeyRing } from './key-ring.js';
export type { KeyManagement } from './key-management.js';
export { openAwsKms, type AwsKmsOptions } from './aws-kms/aws-kms.js';
export { parseMasterKeys } from './key-text.js';
export { makeMasterKey, readMasterKeys, type KeyFile } from './master-key-file.js';
export { openEnvelope, sealEnvelope, masterKeyIdOf } from './envelope.js';
export { unwrapDataKey, wrapDataKey, wrappingKeyIdOf } from './data-key.js';
export { EnvelopeError, MasterKeyError, MissingKeyError } from './errors.js';
export { redact } from './redact.js';
export { generateAccessKey, type GeneratedAccessKey } from './access-key.js';
