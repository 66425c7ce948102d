import { createHash } from 'node:crypto';
import { MasterKeyError } from './errors.js';
import { Secret } from './secret.js';

/** Size of a master key, in bytes (AES-256). */
export const masterKeyBytes = 32;

/** The master keys at hand: one seals, every one opens what it sealed. */
export interface MasterKeys {
  /** The key that seals from now on. */
  readonly current: MasterKey;
  /** Every id there is a key for. */
  readonly ids: readonly string[];
  find(id: string): MasterKey | undefined;
}

/** The key that wraps the data key of every sealed secret. Alone, it is a ring of one. */
export class MasterKey implements MasterKeys {
  /** First 8 hex digits of the SHA-256 of the key's bytes: names it in every envelope, and gives nothing away. */
  readonly id: string;
  readonly secret: Secret;

  /** Throws MasterKeyError if there are not exactly 32 bytes. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== masterKeyBytes) {
      throw new MasterKeyError(`a master key has ${masterKeyBytes} bytes, and this one ${bytes.length}`);
    }
    this.id = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
    this.secret = new Secret(bytes);
  }

  get current(): this {
    return this;
  }

  get ids(): readonly string[] {
    return [this.id];
  }

  find(id: string): MasterKey | undefined {
    return id === this.id ? this : undefined;
  }
}
