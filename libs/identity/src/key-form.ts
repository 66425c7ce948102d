import { generateAccessKey, Secret } from '#libs/secrets';
import { IdentityError } from './errors.js';

/** A key pair in the clear: what its owner is shown, once. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secret: Secret;
}

/** 20 and 40 characters, as S3 clients expect. */
export function newKeyPair(): KeyPair {
  return generateAccessKey();
}

/** A pair that an operator chose. `:` would end the id in HTTP Basic (RFC 7617), and `/` and `,` in a SigV4 credential. */
export function chosenKeyPair(accessKeyId: string, secretKey: string): KeyPair {
  if (!/^[\x21-\x7e]{3,128}$/.test(accessKeyId) || /[:/,]/.test(accessKeyId)) {
    const expected = '3 to 128 visible ASCII characters, none of them ":", "/" or ","';
    throw new IdentityError('invalid', `an access key must be ${expected}`);
  }
  if (!/^[\x21-\x7e]{8,128}$/.test(secretKey)) {
    throw new IdentityError('invalid', 'a secret key must be 8 to 128 visible ASCII characters');
  }
  return { accessKeyId, secret: new Secret(secretKey) };
}

/** Refuses a user's name that is empty, too long, padded, or holds control characters. */
export function assertUserName(name: string): void {
  if (name.length < 1 || name.length > 64 || name.trim() !== name || /\p{Cc}/u.test(name)) {
    throw new IdentityError(
      'invalid',
      'a user name must be 1 to 64 characters, without space around them or control characters',
    );
  }
}
