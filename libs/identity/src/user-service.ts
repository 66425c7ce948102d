import type { AccessKeyRecord, ControlPlane, Page, PageRequest, UserRecord, UserRole } from '#libs/metadata';
import type { MasterKeys, Secret } from '#libs/secrets';
import { assertUserName, newKeyPair } from './key-form.js';
import { sealKeySecret } from './key-seal.js';
import { refusing } from './refusals.js';

/** An access key as it may be shown: without its secret. */
export type AccessKey = Omit<AccessKeyRecord, 'secret' | 'revision'>;

/** The one answer that carries a secret. */
export interface IssuedKey {
  readonly key: AccessKey;
  readonly secret: Secret;
}

export interface UserDependencies {
  readonly users: ControlPlane['users'];
  readonly keys: ControlPlane['keys'];
  readonly masterKey: MasterKeys;
}

function withoutSecret({ accessKeyId, userId, disabled, createdAt, lastRotatedAt }: AccessKeyRecord): AccessKey {
  return { accessKeyId, userId, disabled, createdAt, ...(lastRotatedAt === undefined ? {} : { lastRotatedAt }) };
}

/**
 * Users and their access keys. A secret is shown by the call that makes it and by no other. Refusals are `IdentityError`; nothing here lets the last
 * enabled administrator with an enabled key be disabled, demoted or deleted. Who may call is the caller's to check.
 */
export class UserService {
  constructor(private readonly dependencies: UserDependencies) {}

  async createUser(name: string, role: UserRole): Promise<UserRecord> {
    assertUserName(name);
    return refusing(() => this.dependencies.users.create({ name, role }));
  }

  async getUser(id: string): Promise<UserRecord> {
    return refusing(() => this.dependencies.users.get(id));
  }

  async findUser(name: string): Promise<UserRecord | undefined> {
    return this.dependencies.users.find(name);
  }

  async listUsers(page: PageRequest): Promise<Page<UserRecord>> {
    return this.dependencies.users.list(page);
  }

  async disableUser(id: string): Promise<UserRecord> {
    return refusing(() => this.dependencies.users.update(id, { disabled: true }));
  }

  async enableUser(id: string): Promise<UserRecord> {
    return refusing(() => this.dependencies.users.update(id, { disabled: false }));
  }

  async changeRole(id: string, role: UserRole): Promise<UserRecord> {
    return refusing(() => this.dependencies.users.update(id, { role }));
  }

  /** Deletes the user and the user's keys; `in-use` while the user owns a bucket. */
  async deleteUser(id: string): Promise<void> {
    await refusing(() => this.dependencies.users.delete(id));
  }

  async createKey(userId: string): Promise<IssuedKey> {
    const { accessKeyId, secret } = newKeyPair();
    const sealed = sealKeySecret(this.dependencies.masterKey, accessKeyId, secret);
    const record = await refusing(() => this.dependencies.keys.create(userId, { accessKeyId, secret: sealed }));
    return { key: withoutSecret(record), secret };
  }

  /** Gives the key a new secret. The old one opens nothing from then on, in every process within a second. */
  async rotateKey(accessKeyId: string): Promise<IssuedKey> {
    const { secret } = newKeyPair();
    const sealed = sealKeySecret(this.dependencies.masterKey, accessKeyId, secret);
    const record = await refusing(() => this.dependencies.keys.rotate(accessKeyId, sealed));
    return { key: withoutSecret(record), secret };
  }

  async getKey(accessKeyId: string): Promise<AccessKey> {
    return withoutSecret(await refusing(() => this.dependencies.keys.get(accessKeyId)));
  }

  async listKeys(page: PageRequest & { readonly userId?: string }): Promise<Page<AccessKey>> {
    const { items, next } = await this.dependencies.keys.list(page);
    return { items: items.map(withoutSecret), ...(next === undefined ? {} : { next }) };
  }

  async setKeyDisabled(accessKeyId: string, disabled: boolean): Promise<AccessKey> {
    return withoutSecret(await refusing(() => this.dependencies.keys.setDisabled(accessKeyId, disabled)));
  }

  async deleteKey(accessKeyId: string): Promise<void> {
    await refusing(() => this.dependencies.keys.delete(accessKeyId));
  }
}
