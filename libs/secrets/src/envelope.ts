import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { bindingOf, decodeStrictly } from './binding.js';
import { EnvelopeError } from './errors.js';
import { masterKeyBytes, type MasterKeys } from './master-key.js';
import { requireMasterKey } from './master-keys.js';
import { Secret } from './secret.js';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const version = 'v1';

/** The parts of `v1.<keyId>.<wrappedKey>.<nonce>.<ciphertext>`, decoded. */
interface Envelope {
  readonly keyId: string;
  /** Nonce, encrypted data key, tag. */
  readonly wrappedKey: Buffer;
  readonly nonce: Buffer;
  /** Encrypted value, tag. */
  readonly ciphertext: Buffer;
}

interface Cipher {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  /** Authenticated with the text, not part of it. */
  readonly bound: Buffer;
}

function encrypt({ key, nonce, bound }: Cipher, plain: Uint8Array): Buffer {
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(bound);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt({ key, nonce, bound }: Cipher, sealed: Buffer): Buffer {
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(bound);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  return Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
}

function binding(layer: 'key' | 'value', keyId: string, boundTo: readonly string[]): Buffer {
  return bindingOf([version, layer, keyId, ...boundTo]);
}

function parse(sealed: string): Envelope {
  const [found, keyId, wrapped, nonce, ciphertext, ...rest] = sealed.split('.');
  if (found !== version)
    throw new EnvelopeError(`a sealed secret begins with "${version}."; this one is malformed or of a newer version`);
  if (
    keyId === undefined ||
    wrapped === undefined ||
    nonce === undefined ||
    ciphertext === undefined ||
    rest.length > 0
  ) {
    throw new EnvelopeError('a sealed secret has five parts, v1.<keyId>.<wrappedKey>.<nonce>.<ciphertext>');
  }
  const envelope = {
    keyId,
    wrappedKey: decodeStrictly(wrapped, "a sealed secret's wrapped key is"),
    nonce: decodeStrictly(nonce, "a sealed secret's nonce is"),
    ciphertext: decodeStrictly(ciphertext, "a sealed secret's ciphertext is"),
  };
  const wholeKey = envelope.wrappedKey.length === nonceBytes + masterKeyBytes + tagBytes;
  if (!wholeKey || envelope.nonce.length !== nonceBytes || envelope.ciphertext.length < tagBytes) {
    throw new EnvelopeError('a part of a sealed secret has the wrong length');
  }
  return envelope;
}

/**
 * Seals a secret as `v1.<keyId>.<wrappedKey>.<nonce>.<ciphertext>`: AES-256-GCM under a data key of its own, which is wrapped by
 * the master key that is current. `boundTo` says what it is and whose (`['backend-credentials', backendId]`); it opens only with the same, so
 * nobody can make one row's secret pass for another's by copying it. Adds about 150 characters.
 */
export function sealEnvelope(keys: MasterKeys, secret: Secret, boundTo: readonly string[]): string {
  const masterKey = keys.current;
  const dataKey = randomBytes(masterKeyBytes);
  const keyNonce = randomBytes(nonceBytes);
  const nonce = randomBytes(nonceBytes);
  const wrapping = {
    key: masterKey.secret.revealBytes(),
    nonce: keyNonce,
    bound: binding('key', masterKey.id, boundTo),
  };
  const wrappedKey = Buffer.concat([keyNonce, encrypt(wrapping, dataKey)]);
  const bound = binding('value', masterKey.id, boundTo);
  const ciphertext = encrypt({ key: dataKey, nonce, bound }, secret.revealBytes());
  const parts = [wrappedKey, nonce, ciphertext].map((part) => part.toString('base64url'));
  return [version, masterKey.id, ...parts].join('.');
}

/** The id of the master key a sealed secret needs; throws EnvelopeError if it is malformed. */
export function masterKeyIdOf(sealed: string): string {
  return parse(sealed).keyId;
}

/**
 * Opens what `sealEnvelope` made. Throws EnvelopeError if it is malformed, altered in any bit or bound to something else, and `MissingKeyError` if it was
 * sealed under a master key that is not at hand, which is then named by its id.
 */
export function openEnvelope(keys: MasterKeys, sealed: string, boundTo: readonly string[]): Secret {
  const { keyId, wrappedKey, nonce, ciphertext } = parse(sealed);
  const masterKey = requireMasterKey(keys, keyId);
  const keyNonce = wrappedKey.subarray(0, nonceBytes);
  const wrapping = { key: masterKey.secret.revealBytes(), nonce: keyNonce, bound: binding('key', keyId, boundTo) };
  try {
    const key = decrypt(wrapping, wrappedKey.subarray(nonceBytes));
    return new Secret(decrypt({ key, nonce, bound: binding('value', keyId, boundTo) }, ciphertext));
  } catch (cause) {
    throw new EnvelopeError(`a sealed secret was altered, or does not belong to ${boundTo.join(' ')}`, { cause });
  }
}
