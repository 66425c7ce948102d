import { MoreThan, type Repository } from 'typeorm';
import { AccessKeyEntity } from '../entities/access-key.entity.js';
import { attempt, isUuid, required } from '../failures.js';
import { toAccessKey } from '../mapping.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type { AccessKeyStore, NewAccessKey } from '../ports.js';
import type { AccessKeyRecord } from '../records.js';
import { keepingAnAdministrator, type StoreContext } from './store-context.js';

/** The row of a key that is not stored yet. */
export function newKeyRow(context: StoreContext, userId: string, key: NewAccessKey): AccessKeyEntity {
  return context.dataSource.getRepository(AccessKeyEntity).create({
    accessKeyId: key.accessKeyId,
    userId,
    secret: key.secret,
    disabled: false,
    createdAt: new Date(context.clock.now()),
    lastRotatedAt: null,
    revision: 1,
  });
}

/** Access keys in Postgres. */
export class PostgresAccessKeyStore implements AccessKeyStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<AccessKeyEntity> {
    return this.context.dataSource.getRepository(AccessKeyEntity);
  }

  async create(userId: string, key: NewAccessKey): Promise<AccessKeyRecord> {
    required(`user ${userId}`, isUuid(userId) ? userId : undefined);
    const row = newKeyRow(this.context, userId, key);
    await attempt(`access key ${key.accessKeyId}`, () => this.rows.insert(row));
    return toAccessKey(row);
  }

  async get(accessKeyId: string): Promise<AccessKeyRecord> {
    return required(`access key ${accessKeyId}`, await this.find(accessKeyId));
  }

  async find(accessKeyId: string): Promise<AccessKeyRecord | undefined> {
    const row = await attempt(`access key ${accessKeyId}`, () => this.rows.findOneBy({ accessKeyId }));
    return row === null ? undefined : toAccessKey(row);
  }

  async rotate(accessKeyId: string, sealedSecret: string): Promise<AccessKeyRecord> {
    const what = `access key ${accessKeyId}`;
    return attempt(what, async () => {
      const lastRotatedAt = new Date(this.context.clock.now());
      const change = { secret: sealedSecret, lastRotatedAt, revision: () => 'revision + 1' };
      const done = await this.rows.update({ accessKeyId }, change);
      required(what, done.affected === 1 ? done : undefined);
      return this.get(accessKeyId);
    });
  }

  async reseal(accessKeyId: string, from: string, to: string): Promise<boolean> {
    const where = { accessKeyId, secret: from };
    const done = await attempt(`access key ${accessKeyId}`, () => this.rows.update(where, { secret: to }));
    return done.affected === 1;
  }

  async setDisabled(accessKeyId: string, disabled: boolean): Promise<AccessKeyRecord> {
    const what = `access key ${accessKeyId}`;
    return attempt(what, () =>
      keepingAnAdministrator(this.context, what, async (manager) => {
        const rows = manager.getRepository(AccessKeyEntity);
        const done = await rows.update({ accessKeyId }, { disabled });
        required(what, done.affected === 1 ? done : undefined);
        return toAccessKey(required(what, await rows.findOneBy({ accessKeyId })));
      }),
    );
  }

  async delete(accessKeyId: string): Promise<void> {
    const what = `access key ${accessKeyId}`;
    await attempt(what, () =>
      keepingAnAdministrator(this.context, what, async (manager) => {
        const done = await manager.getRepository(AccessKeyEntity).delete({ accessKeyId });
        required(what, done.affected === 1 ? done : undefined);
      }),
    );
  }

  async list(page: PageRequest & { readonly userId?: string }): Promise<Page<AccessKeyRecord>> {
    const take = rowsToRead(page);
    if (page.userId !== undefined && !isUuid(page.userId)) return { items: [] };
    const where = {
      ...(page.after === undefined ? {} : { accessKeyId: MoreThan(page.after) }),
      ...(page.userId === undefined ? {} : { userId: page.userId }),
    };
    const rows = await attempt('access keys', () => this.rows.find({ where, order: { accessKeyId: 'ASC' }, take }));
    return toPage(rows, page.limit, { record: toAccessKey, cursor: (row) => row.accessKeyId });
  }
}
