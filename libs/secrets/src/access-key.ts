import { randomBytes, randomInt } from 'node:crypto';
import { Secret } from './secret.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const idLength = 20;
/** 30 bytes are 40 characters of base64url without padding: 240 bits. */
const secretBytes = 30;

/** A new key pair; the secret is shown to its owner once. */
export interface GeneratedAccessKey {
  /** 20 characters of A-Z and 0-9. */
  readonly accessKeyId: string;
  /** 40 characters of base64url. */
  readonly secret: Secret;
}

/** Makes an access key from the system's random source. */
export function generateAccessKey(): GeneratedAccessKey {
  const accessKeyId = Array.from({ length: idLength }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
  return { accessKeyId, secret: new Secret(randomBytes(secretBytes).toString('base64url')) };
}
