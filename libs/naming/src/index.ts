export {
  decodeKey,
  encodeKey,
  ESCAPED_KEY_PREFIX,
  isEscapedKey,
  MalformedEscapeError,
  type EncodedKey,
} from './key-escape.js';
export * from './limits.js';
export { checkMetadata, decodeMetadata, encodeMetadata, metadataBytes } from './metadata.js';
export { isVendorMetadataName } from './metadata-names.js';
export { checkObjectKey, RESERVED_KEY_PREFIX, validateObjectKey } from './object-keys.js';
export * from './suggest.js';
export * from './tags.js';
export * from './validate.js';
export * from './vendors.js';
export type { NameVerdict, Violation } from './verdict.js';
