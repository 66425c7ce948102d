import type { EntityManager } from 'typeorm';
import { MasterKeyEntity } from '../entities/master-key.entity.js';
import { attempt } from '../failures.js';
import { toMasterKey } from '../mapping.js';
import type { MasterKeyStore } from '../ports.js';
import type { MasterKeyRecord } from '../records.js';
import type { StoreContext } from './store-context.js';

/** The ids of master keys in Postgres. Each change locks the table: there are few, and two at once must come one after the other. */
export class PostgresMasterKeyStore implements MasterKeyStore {
  constructor(private readonly context: StoreContext) {}

  list(): Promise<readonly MasterKeyRecord[]> {
    return attempt('master keys', () => readAll(this.context.dataSource.manager));
  }

  begin(ids: readonly string[]): Promise<readonly MasterKeyRecord[]> {
    return this.#change(async (manager) => {
      if ((await manager.count(MasterKeyEntity)) > 0) return;
      const createdAt = this.#now;
      const rows = ids.map((id, at) => ({ id, state: at === 0 ? 'current' : 'retiring', createdAt, retiredAt: null }));
      await manager.insert(MasterKeyEntity, rows);
    });
  }

  makeCurrent(id: string): Promise<readonly MasterKeyRecord[]> {
    return this.#change(async (manager) => {
      const rows = manager.getRepository(MasterKeyEntity);
      if ((await rows.findOneBy({ id }))?.state === 'current') return;
      await rows.update({ state: 'current' }, { state: 'retiring' });
      const changed = await rows.update({ id }, { state: 'current', retiredAt: null });
      if (changed.affected !== 1) await rows.insert({ id, state: 'current', createdAt: this.#now, retiredAt: null });
    });
  }

  retire(): Promise<readonly MasterKeyRecord[]> {
    return this.#change(async (manager) => {
      await manager.update(MasterKeyEntity, { state: 'retiring' }, { state: 'retired', retiredAt: this.#now });
    });
  }

  get #now(): Date {
    return new Date(this.context.clock.now());
  }

  #change(change: (manager: EntityManager) => Promise<void>): Promise<readonly MasterKeyRecord[]> {
    return attempt('master keys', () =>
      this.context.dataSource.transaction(async (manager) => {
        await manager.query('LOCK TABLE master_key IN SHARE ROW EXCLUSIVE MODE');
        await change(manager);
        return readAll(manager);
      }),
    );
  }
}

async function readAll(manager: EntityManager): Promise<readonly MasterKeyRecord[]> {
  return (await manager.find(MasterKeyEntity, { order: { createdAt: 'ASC', id: 'ASC' } })).map(toMasterKey);
}
