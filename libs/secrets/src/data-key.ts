import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { bindingOf, decodeStrictly } from './binding.js';
import { EnvelopeError } from './errors.js';
import { masterKeyBytes, type MasterKeys } from './master-key.js';
import { requireMasterKey } from './master-keys.js';

const algorithm = 'aes-256-gcm';
const version = 'v1';
const saltBytes = 32;
const tagBytes = 16;
/** Each wrapping has a key of its own, so one nonce serves them all. */
const nonce = Buffer.alloc(12);

interface WrappedKey {
  readonly keyId: string;
  readonly salt: Buffer;
  /** The data key, encrypted, and the tag. */
  readonly sealed: Buffer;
}

function parse(wrapped: string): WrappedKey {
  const [found, keyId, text, ...rest] = wrapped.split('.');
  if (found !== version || keyId === undefined || text === undefined || rest.length > 0) {
    throw new EnvelopeError('a wrapped data key is v1.<keyId>.<bytes>; this one is malformed or of a newer version');
  }
  const bytes = decodeStrictly(text, "a wrapped data key's bytes are");
  if (bytes.length !== saltBytes + masterKeyBytes + tagBytes) {
    throw new EnvelopeError('a wrapped data key has the wrong length');
  }
  return { keyId, salt: bytes.subarray(0, saltBytes), sealed: bytes.subarray(saltBytes) };
}

/** What a wrapped key is bound to, in the 32 bytes that HKDF has room for. */
function boundBytes(keyId: string, boundTo: readonly string[]): Buffer {
  return createHash('sha256')
    .update(bindingOf([version, 'data-key', keyId, ...boundTo]))
    .digest();
}

/** HKDF (RFC 5869): a wrapping key for this salt and this place alone, so that no number of wrapped keys wears the master key out. */
function wrappingKey(masterKey: Uint8Array, salt: Uint8Array, bound: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, salt, bound, masterKeyBytes));
}

/**
 * Wraps a 32-byte data key under the master key that is current now, as `v1.<keyId>.<salt, key and tag in base64url>`, 119 characters: AES-256-GCM under a key that HKDF derives for it alone.
 * It unwraps only with the same `boundTo`, so that nobody can make one object's key pass for another's.
 */
export function wrapDataKey(keys: MasterKeys, dataKey: Uint8Array, boundTo: readonly string[]): string {
  if (dataKey.length !== masterKeyBytes) throw new EnvelopeError(`a data key has ${masterKeyBytes} bytes`);
  const { id, secret } = keys.current;
  const salt = randomBytes(saltBytes);
  const bound = boundBytes(id, boundTo);
  const cipher = createCipheriv(algorithm, wrappingKey(secret.revealBytes(), salt, bound), nonce);
  cipher.setAAD(bound);
  const sealed = Buffer.concat([salt, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
  return [version, id, sealed.toString('base64url')].join('.');
}

/** Unwraps what `wrapDataKey` made. Throws `MissingKeyError` if its master key is not at hand, else EnvelopeError if it is malformed, altered or bound to something else. */
export function unwrapDataKey(keys: MasterKeys, wrapped: string, boundTo: readonly string[]): Buffer {
  const { keyId, salt, sealed } = parse(wrapped);
  const { secret } = requireMasterKey(keys, keyId);
  const bound = boundBytes(keyId, boundTo);
  const decipher = createDecipheriv(algorithm, wrappingKey(secret.revealBytes(), salt, bound), nonce, {
    authTagLength: tagBytes,
  });
  decipher.setAAD(bound);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
  } catch (cause) {
    throw new EnvelopeError(`a wrapped data key was altered, or does not belong to ${boundTo.join(' ')}`, { cause });
  }
}

/** The id of the master key a wrapped data key needs; throws EnvelopeError if it is malformed. */
export function wrappingKeyIdOf(wrapped: string): string {
  return parse(wrapped).keyId;
}
