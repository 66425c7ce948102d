import { isDeepStrictEqual } from 'node:util';
import { MoreThan, type EntityManager, type Repository } from 'typeorm';
import { DIRECTORY_LOCK } from '../data-source.js';
import { BackendEntity } from '../entities/backend.entity.js';
import { ControlPlaneError } from '../errors.js';
import { attempt, isUuid, required } from '../failures.js';
import { toBackend } from '../mapping.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type { BackendChange, BackendStore, NewBackend } from '../ports.js';
import type { BackendRecord } from '../records.js';
import { directoriesOf, type SeenDirectories } from '../seen-directories.js';
import { insertRow, type StoreContext } from './store-context.js';

const toDate = (at: number | undefined): Date | null => (at === undefined ? null : new Date(at));

/** Columns that a change names; an optional field set to `undefined` becomes null. */
function changedColumns(change: BackendChange): Partial<BackendEntity> {
  const { options, credentials, capabilities, state } = change;
  return {
    ...(options === undefined ? {} : { options: { ...options } }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(capabilities === undefined ? {} : { capabilities: { ...capabilities } }),
    ...(state === undefined ? {} : { state }),
    ...('profile' in change ? { profile: change.profile ?? null } : {}),
    ...('endpoint' in change ? { endpoint: change.endpoint ?? null } : {}),
    ...('region' in change ? { region: change.region ?? null } : {}),
    ...('lastCheckedAt' in change ? { lastCheckedAt: toDate(change.lastCheckedAt) } : {}),
    ...('lastCheckError' in change ? { lastCheckError: change.lastCheckError ?? null } : {}),
  };
}

/** Backends in Postgres. */
export class PostgresBackendStore implements BackendStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<BackendEntity> {
    return this.context.dataSource.getRepository(BackendEntity);
  }

  async create(backend: NewBackend, seen?: SeenDirectories): Promise<BackendRecord> {
    const row = this.rows.create({
      ...backend,
      options: { ...backend.options },
      capabilities: { ...backend.capabilities },
      id: backend.id ?? this.context.newId(),
      profile: backend.profile ?? null,
      endpoint: backend.endpoint ?? null,
      region: backend.region ?? null,
      lastCheckedAt: toDate(backend.lastCheckedAt),
      lastCheckError: backend.lastCheckError ?? null,
      createdAt: new Date(this.context.clock.now()),
      revision: 1,
    });
    const insert = (manager: EntityManager): Promise<void> => insertRow(manager.getRepository(BackendEntity), row);
    await attempt(`backend ${backend.name}`, () => this.asSeen(seen, insert));
    return toBackend(row);
  }

  async get(name: string): Promise<BackendRecord> {
    return required(`backend ${name}`, await this.find(name));
  }

  async find(name: string): Promise<BackendRecord | undefined> {
    const row = await attempt(`backend ${name}`, () => this.rows.findOneBy({ name }));
    return row === null ? undefined : toBackend(row);
  }

  async findById(id: string): Promise<BackendRecord | undefined> {
    if (!isUuid(id)) return undefined;
    const row = await attempt(`backend ${id}`, () => this.rows.findOneBy({ id }));
    return row === null ? undefined : toBackend(row);
  }

  async update(
    id: string,
    expectedRevision: number,
    change: BackendChange,
    seen?: SeenDirectories,
  ): Promise<BackendRecord> {
    const what = `backend ${id}`;
    const write = async (manager: EntityManager): Promise<BackendRecord> => {
      const rows = manager.getRepository(BackendEntity);
      const where = { id, revision: expectedRevision };
      const columns: object = { ...changedColumns(change), revision: expectedRevision + 1 };
      const done = await rows.update(where, columns);
      const row = required(what, await rows.findOneBy({ id }));
      if (done.affected !== 1) {
        const text = `${what}: it is at revision ${row.revision}, not ${expectedRevision}: read it again`;
        throw new ControlPlaneError('conflict', text);
      }
      return toBackend(row);
    };
    return attempt(what, () => {
      required(what, isUuid(id) ? id : undefined);
      return this.asSeen(seen, write);
    });
  }

  /** Who takes a directory has compared it with all that are in use. Two who do so at once follow each other here, and the second one has to look again. */
  private async asSeen<T>(
    seen: SeenDirectories | undefined,
    write: (manager: EntityManager) => Promise<T>,
  ): Promise<T> {
    const { dataSource } = this.context;
    if (seen === undefined) return write(dataSource.manager);
    return dataSource.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1)', [DIRECTORY_LOCK]);
      const rows = await manager.findBy(BackendEntity, { type: 'filesystem' });
      if (!isDeepStrictEqual(directoriesOf(rows.map(toBackend)), { ...seen }))
        throw new ControlPlaneError('conflict', 'the directories of other backends were changed meanwhile');
      return write(manager);
    });
  }

  async delete(id: string): Promise<void> {
    const what = `backend ${id}`;
    await attempt(what, async () => {
      const done = isUuid(id) ? await this.rows.delete({ id }) : undefined;
      required(what, done?.affected === 1 ? done : undefined);
    });
  }

  async list(page: PageRequest): Promise<Page<BackendRecord>> {
    const take = rowsToRead(page);
    const where = page.after === undefined ? {} : { name: MoreThan(page.after) };
    const rows = await attempt('backends', () => this.rows.find({ where, order: { name: 'ASC' }, take }));
    return toPage(rows, page.limit, { record: toBackend, cursor: (row) => row.name });
  }
}
