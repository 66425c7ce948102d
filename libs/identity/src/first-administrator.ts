import { isControlPlaneError, type AccessKeyRecord, type ControlPlane } from '#libs/metadata';
import { EnvelopeError, type MasterKeys, type Secret } from '#libs/secrets';
import { IdentityError } from './errors.js';
import { chosenKeyPair, newKeyPair, type KeyPair } from './key-form.js';
import { openKeySecret, sealKeySecret } from './key-seal.js';

/** The name of the administrator made on the first start. */
export const ROOT_USER = 'root';

export interface FirstAdministratorRequest {
  readonly users: ControlPlane['users'];
  readonly keys: ControlPlane['keys'];
  readonly masterKey: MasterKeys;
  /** The root key pair of the settings; without one it is made on the first start. */
  readonly rootKey?: { readonly accessKey: string; readonly secretKey: string };
}

/**
 * - `created`: this call made the administrator; `secret` is there to be printed once, unless it came from the settings.
 * - `present`: nothing was changed. `updated`: the settings' key pair was added, or its secret replaced.
 */
export type FirstAdministrator =
  | { readonly outcome: 'created'; readonly accessKeyId: string; readonly secret?: Secret }
  | { readonly outcome: 'present' | 'updated' };

/**
 * Makes the first administrator where there is none; of several processes, one does. Every start honours the settings' key pair: on a later start it is
 * added to the root user, or its secret replaced, if it is not as the settings say.
 * Fails with `IdentityError` if the pair is of the wrong form or its id is another user's key.
 */
export async function ensureFirstAdministrator(request: FirstAdministratorRequest): Promise<FirstAdministrator> {
  const { users, masterKey, rootKey } = request;
  const chosen = rootKey && chosenKeyPair(rootKey.accessKey, rootKey.secretKey);
  const { accessKeyId, secret } = chosen ?? newKeyPair();
  const sealed = sealKeySecret(masterKey, accessKeyId, secret);
  const made = await users.createFirstAdministrator({ name: ROOT_USER, key: { accessKeyId, secret: sealed } });
  if (made !== undefined) return { outcome: 'created', accessKeyId, ...(chosen ? {} : { secret }) };
  return chosen === undefined ? { outcome: 'present' } : honour(request, chosen, sealed);
}

async function honour(
  request: FirstAdministratorRequest,
  chosen: KeyPair,
  sealed: string,
): Promise<FirstAdministrator> {
  const { users, keys, masterKey } = request;
  const root = await users.find(ROOT_USER);
  if (root === undefined) {
    throw new IdentityError('not-found', `the settings name a root key, but there is no user "${ROOT_USER}" any more`);
  }
  const stored = (await keys.find(chosen.accessKeyId)) ?? (await added(keys, root.id, chosen.accessKeyId, sealed));
  if (stored === 'added') return { outcome: 'updated' };
  if (stored.userId !== root.id) {
    throw new IdentityError('exists', `the root access key of the settings is the key of another user`);
  }
  if (isSame(masterKey, stored, chosen)) return { outcome: 'present' };
  await keys.rotate(chosen.accessKeyId, sealed);
  return { outcome: 'updated' };
}

/** Adds the key, unless another process that starts now was quicker; then its row. */
async function added(
  keys: ControlPlane['keys'],
  userId: string,
  accessKeyId: string,
  secret: string,
): Promise<'added' | AccessKeyRecord> {
  try {
    await keys.create(userId, { accessKeyId, secret });
    return 'added';
  } catch (error) {
    if (!isControlPlaneError(error, 'exists')) throw error;
    return keys.get(accessKeyId);
  }
}

function isSame(masterKey: MasterKeys, stored: AccessKeyRecord, chosen: KeyPair): boolean {
  try {
    return openKeySecret(masterKey, stored.accessKeyId, stored.secret).reveal() === chosen.secret.reveal();
  } catch (error) {
    // Sealed under a master key that is gone: the settings' secret replaces it.
    if (error instanceof EnvelopeError) return false;
    throw error;
  }
}
