import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { EnvelopeError } from './errors.js';
import { masterKeyBytes, type MasterKey } from './master-key.js';
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

/** Lengths go before the parts, so that no two bindings have the same bytes. */
function binding(layer: 'key' | 'value', keyId: string, boundTo: readonly string[]): Buffer {
  const parts = [version, layer, keyId, ...boundTo].map((part) => Buffer.from(part, 'utf8'));
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}

/** Strict base64url: exactly one text for each byte string, so that a changed character is always seen. */
function decode(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw new EnvelopeError(`a sealed secret's ${what} is not base64url`);
  return bytes;
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
    wrappedKey: decode(wrapped, 'wrapped key'),
    nonce: decode(nonce, 'nonce'),
    ciphertext: decode(ciphertext, 'ciphertext'),
  };
  const wholeKey = envelope.wrappedKey.length === nonceBytes + masterKeyBytes + tagBytes;
  if (!wholeKey || envelope.nonce.length !== nonceBytes || envelope.ciphertext.length < tagBytes) {
    throw new EnvelopeError('a part of a sealed secret has the wrong length');
  }
  return envelope;
}

/**
 * Seals a secret as `v1.<keyId>.<wrappedKey>.<nonce>.<ciphertext>`: AES-256-GCM under a data key of its own, which is wrapped by
 * the master key. `boundTo` says what it is and whose (`['backend-credentials', backendId]`); it opens only with the same, so
 * nobody can make one row's secret pass for another's by copying it. Adds about 150 characters.
 */
export function sealEnvelope(masterKey: MasterKey, secret: Secret, boundTo: readonly string[]): string {
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
 * Opens what `sealEnvelope` made. Throws EnvelopeError if it is malformed, altered in any bit, bound to something else, or
 * sealed under another master key, which is then named by its id.
 */
export function openEnvelope(masterKey: MasterKey, sealed: string, boundTo: readonly string[]): Secret {
  const { keyId, wrappedKey, nonce, ciphertext } = parse(sealed);
  if (keyId !== masterKey.id) {
    throw new EnvelopeError(
      `this secret was sealed under the master key ${keyId}, and the one at hand is ${masterKey.id}: bring back key ${keyId}`,
    );
  }
  const keyNonce = wrappedKey.subarray(0, nonceBytes);
  const wrapping = { key: masterKey.secret.revealBytes(), nonce: keyNonce, bound: binding('key', keyId, boundTo) };
  try {
    const key = decrypt(wrapping, wrappedKey.subarray(nonceBytes));
    return new Secret(decrypt({ key, nonce, bound: binding('value', keyId, boundTo) }, ciphertext));
  } catch (cause) {
    throw new EnvelopeError(`a sealed secret was altered, or does not belong to ${boundTo.join(' ')}`, { cause });
  }
}
