import { MoreThan, type EntityManager, type Repository } from 'typeorm';
import { AccessKeyEntity } from '../entities/access-key.entity.js';
import { UserEntity } from '../entities/user.entity.js';
import { attempt, isUuid, required } from '../failures.js';
import { toUser } from '../mapping.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type { NewUser, UserStore } from '../ports.js';
import type { UserRecord, UserRole } from '../records.js';
import { newKeyRow } from './access-keys.js';
import { keepingAnAdministrator, lockAdministrators, type StoreContext } from './store-context.js';

/** Users in Postgres. */
export class PostgresUserStore implements UserStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<UserEntity> {
    return this.context.dataSource.getRepository(UserEntity);
  }

  async create(user: NewUser): Promise<UserRecord> {
    return attempt(`user ${user.name}`, () =>
      this.context.dataSource.transaction((manager) => this.insert(manager, user)),
    );
  }

  private async insert(manager: EntityManager, user: NewUser): Promise<UserRecord> {
    const { name, role, key } = user;
    const createdAt = new Date(this.context.clock.now());
    const row = this.rows.create({ id: this.context.newId(), name, role, disabled: false, createdAt });
    await manager.getRepository(UserEntity).insert(row);
    if (key !== undefined) {
      await manager.getRepository(AccessKeyEntity).insert(newKeyRow(this.context, row.id, key));
    }
    return toUser(row);
  }

  async createFirstAdministrator(user: Omit<NewUser, 'role'>): Promise<UserRecord | undefined> {
    return attempt(`user ${user.name}`, () =>
      this.context.dataSource.transaction(async (manager) => {
        await lockAdministrators(manager);
        if (await manager.getRepository(UserEntity).existsBy({ role: 'admin' })) return undefined;
        return this.insert(manager, { ...user, role: 'admin' });
      }),
    );
  }

  async get(id: string): Promise<UserRecord> {
    return required(`user ${id}`, await this.findById(id));
  }

  async find(name: string): Promise<UserRecord | undefined> {
    const row = await attempt(`user ${name}`, () => this.rows.findOneBy({ name }));
    return row === null ? undefined : toUser(row);
  }

  async findById(id: string): Promise<UserRecord | undefined> {
    if (!isUuid(id)) return undefined;
    const row = await attempt(`user ${id}`, () => this.rows.findOneBy({ id }));
    return row === null ? undefined : toUser(row);
  }

  async update(id: string, change: { readonly role?: UserRole; readonly disabled?: boolean }): Promise<UserRecord> {
    const what = `user ${id}`;
    required(what, isUuid(id) ? id : undefined);
    return attempt(what, () =>
      keepingAnAdministrator(this.context, what, async (manager) => {
        const rows = manager.getRepository(UserEntity);
        const user = toUser(required(what, await rows.findOneBy({ id })));
        const { role = user.role, disabled = user.disabled } = change;
        if (role !== user.role || disabled !== user.disabled) await rows.update({ id }, { role, disabled });
        return { ...user, role, disabled };
      }),
    );
  }

  async delete(id: string): Promise<void> {
    const what = `user ${id}`;
    required(what, isUuid(id) ? id : undefined);
    await attempt(what, () =>
      keepingAnAdministrator(this.context, what, async (manager) => {
        const done = await manager.getRepository(UserEntity).delete({ id });
        required(what, done.affected === 1 ? done : undefined);
      }),
    );
  }

  async list(page: PageRequest): Promise<Page<UserRecord>> {
    const take = rowsToRead(page);
    const where = page.after === undefined ? {} : { name: MoreThan(page.after) };
    const rows = await attempt('users', () => this.rows.find({ where, order: { name: 'ASC' }, take }));
    return toPage(rows, page.limit, { record: toUser, cursor: (row) => row.name });
  }
}
