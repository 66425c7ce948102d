import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessKeyRecord, ConfigurationSnapshot } from '#libs/metadata';
import type { MasterKeys } from '#libs/secrets';
import { IdentityError } from './errors.js';
import { openKeySecret } from './key-seal.js';
import { isSignedBy, type LinkPlace, type ParsedLink } from './links.js';
import type { Principal } from './principal.js';

/** Keys whose digests are kept; the least recently used goes first. About 200 bytes each. */
const DEFAULT_CACHED_KEYS = 10_000;

/** Who made a link. `isEnabled`: neither the key nor its user is disabled. */
export interface LinkMaker {
  readonly principal: Principal;
  readonly isEnabled: boolean;
}

const DIGEST_BYTES = 32;

interface KnownKey {
  readonly revision: number;
  readonly sealed: string;
  readonly digest: Buffer;
}

/**
 * Checks key pairs against a configuration snapshot; asks nothing of any store.
 *
 * A key's secret is unsealed once for each of its revisions; what is kept is its SHA-256 behind random bytes that live and die with this process, never the
 * secret. Secrets are compared by those digests, in constant time; an unknown key costs the same comparison.
 */
export class Authenticator {
  /** In hex, so that it goes before a secret as text. */
  private readonly pepper = randomBytes(32).toString('hex');
  private readonly known = new Map<string, KnownKey>();
  /** What the digest of a secret that is asked for is written into: to make a buffer each time costs more than the digest. */
  private readonly asked = Buffer.alloc(DIGEST_BYTES);
  private readonly nobody = this.digest(randomBytes(32).toString('hex'));

  constructor(
    private readonly masterKey: MasterKeys,
    private readonly cachedKeys = DEFAULT_CACHED_KEYS,
  ) {}

  /** The key's user. `denied`, in the same words whatever the reason, unless the pair is right and key and user are enabled. */
  authenticateBasic(snapshot: ConfigurationSnapshot, accessKeyId: string, secret: string): Principal {
    const key = snapshot.keyById.get(accessKeyId);
    const expected = key === undefined ? this.nobody : this.digestOf(key);
    const matches = this.isDigestOf(expected, secret);
    const user = key === undefined ? undefined : snapshot.userById.get(key.userId);
    if (!matches || key === undefined || user === undefined || key.disabled || user.disabled) {
      throw new IdentityError('denied', 'the access key or its secret is not right, or it is disabled');
    }
    return { userId: user.id, name: user.name, role: user.role };
  }

  /**
   * Who made this link for this place; undefined if it was altered, is for another place, or its key is gone or has another secret by now. The secret is unsealed for the moment and not kept;
   * an unknown key costs the same comparison. Whether the link's time has come is the caller's to check.
   */
  makerOfLink(snapshot: ConfigurationSnapshot, link: ParsedLink, place: LinkPlace): LinkMaker | undefined {
    const key = snapshot.keyById.get(link.accessKeyId);
    const secret = key && openKeySecret(this.masterKey, key.accessKeyId, key.secret).reveal();
    const isGenuine = isSignedBy(secret ?? this.pepper, link, place);
    const user = key && snapshot.userById.get(key.userId);
    if (!isGenuine || key === undefined || user === undefined) return undefined;
    const principal = { userId: user.id, name: user.name, role: user.role };
    return { principal, isEnabled: !key.disabled && !user.disabled };
  }

  /** How many digests are held now. */
  get size(): number {
    return this.known.size;
  }

  private digestOf(key: AccessKeyRecord): Buffer {
    const found = this.known.get(key.accessKeyId);
    this.known.delete(key.accessKeyId);
    const current = found?.revision === key.revision && found.sealed === key.secret ? found : this.unseal(key);
    this.known.set(key.accessKeyId, current);
    if (this.known.size > this.cachedKeys) {
      const oldest = this.known.keys().next();
      if (oldest.done !== true) this.known.delete(oldest.value);
    }
    return current.digest;
  }

  private unseal(key: AccessKeyRecord): KnownKey {
    const secret = openKeySecret(this.masterKey, key.accessKeyId, key.secret);
    return { revision: key.revision, sealed: key.secret, digest: this.digest(secret.reveal()) };
  }

  private digest(secret: string): Buffer {
    return hash('sha256', this.pepper + secret, 'buffer');
  }

  private isDigestOf(expected: Buffer, secret: string): boolean {
    this.asked.write(hash('sha256', this.pepper + secret, 'binary'), 'latin1');
    return timingSafeEqual(expected, this.asked);
  }
}
