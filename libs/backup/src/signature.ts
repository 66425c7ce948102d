import { randomBytes } from 'node:crypto';
import {
  EnvelopeError,
  masterKeyBytes,
  unwrapDataKey,
  wrapDataKey,
  wrappingKeyIdOf,
  type MasterKeys,
} from '#libs/secrets';
import { BackupError } from './errors.js';
import type { Header } from './format.js';

/** The master keys at hand, and where they are, for messages. Where a key management service keeps them they have been opened by it already. */
export interface BackupKeys extends Pick<MasterKeys, 'ids' | 'find'> {
  readonly where: string;
}

/** What is believed of a file. */
export interface Trust {
  readonly keys: BackupKeys;
  /** Takes a file whose signature cannot be looked at: it has none, or none of the keys at hand opens it. One whose signature is wrong is never taken. */
  readonly unsigned?: boolean;
}

/** What signs one backup: HMAC-SHA256 (RFC 2104) under a key of its own. */
export interface SigningKey {
  readonly bytes: Uint8Array;
  /** The key, wrapped by a master key and bound to backups of this deployment. */
  readonly wrapped: string;
}

/** A key to sign by is opened with nothing else that is wrapped, and with no other deployment's. */
const boundTo = (deployment: string): readonly string[] => ['backup-signature', deployment];

/** A new key, wrapped by the first at hand of the master keys that whoever restores needs anyway. Fails with `missing-key` if none is. */
export function newSigningKey(keys: BackupKeys, needed: readonly string[], deployment: string): SigningKey {
  const candidates = needed.length === 0 ? keys.ids : needed;
  const masterKey = candidates.map((id) => keys.find(id)).find((key) => key !== undefined);
  if (masterKey === undefined) {
    const which = needed.length === 0 ? 'a master key' : `the master key ${needed.join(' or ')}`;
    throw new BackupError('missing-key', `a backup is signed by ${which}, and ${has(keys)}: put it there first`);
  }
  const bytes = randomBytes(masterKeyBytes);
  return { bytes, wrapped: wrapDataKey(masterKey, bytes, boundTo(deployment)) };
}

/** The key that the file must have been signed by, and the id of the master key that opens it; undefined where that cannot be looked at and need not. Fails with `unsigned`, `missing-key` or `forged`. */
export function signatureOf(
  path: string,
  { signature, deployment }: Header,
  { keys, unsigned = false }: Trust,
): { readonly bytes: Uint8Array; readonly by: string } | undefined {
  if (signature === undefined) {
    if (unsigned) return undefined;
    throw new BackupError(
      'unsigned',
      `${path} bears no signature: an earlier Spumoni made it, or somebody took it away. Whoever could write to that file decides who owns what after a restore. If you know that nobody else could, take it by --unsigned`,
    );
  }
  try {
    const by = wrappingKeyIdOf(signature);
    const masterKey = keys.find(by);
    if (masterKey !== undefined) return { by, bytes: unwrapDataKey(masterKey, signature, boundTo(deployment)) };
    if (unsigned) return undefined;
    throw new BackupError(
      'missing-key',
      `${path} is signed by the master key ${by}, and ${has(keys)}: put it there first. Without it nobody can say whether the file was changed, and credentials and encrypted objects in it cannot be opened`,
    );
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    throw forged(path, error);
  }
}

/** What the file holds is not what was signed. */
export function forged(path: string, cause?: unknown): BackupError {
  const what = 'its signature does not fit what it holds, so it was changed since it was written. Use another copy';
  return new BackupError('forged', `${path} cannot be used: ${what}`, cause);
}

function has({ ids, where }: BackupKeys): string {
  return `in ${where} ${ids.length === 0 ? 'there is none' : `there is ${ids.join(', ')}`}`;
}
