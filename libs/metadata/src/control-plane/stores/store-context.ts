import type { DataSource, EntityManager, ObjectLiteral, Repository } from 'typeorm';
import type { ControlPlaneClock } from '../clock.js';
import { ADMINISTRATOR_LOCK } from '../data-source.js';
import { ControlPlaneError } from '../errors.js';

/** What every store works with. */
export interface StoreContext {
  readonly dataSource: DataSource;
  readonly clock: ControlPlaneClock;
  readonly newId: () => string;
  /** The `traceparent` of what runs now. */
  readonly currentTrace?: (() => string | undefined) | undefined;
}

const AN_ADMINISTRATOR = `SELECT EXISTS (
  SELECT 1 FROM "user" u JOIN access_key k ON k.user_id = u.id WHERE u.role = 'admin' AND NOT u.disabled AND NOT k.disabled
) AS there`;

/**
 * Runs a change of users or keys after which somebody must be able to administer, else it is rolled back with `last-administrator`.
 * The lock makes two such changes follow each other, so that neither counts on what the other takes away.
 */
export async function keepingAnAdministrator<T>(
  context: StoreContext,
  what: string,
  change: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  return context.dataSource.transaction(async (manager) => {
    await lockAdministrators(manager);
    const result = await change(manager);
    const [row] = await manager.query<{ there: boolean }[]>(AN_ADMINISTRATOR);
    if (row?.there !== true) {
      throw new ControlPlaneError(
        'last-administrator',
        `${what}: no enabled administrator with an enabled key would remain`,
      );
    }
    return result;
  });
}

/** Held until the transaction ends. */
export async function lockAdministrators(manager: EntityManager): Promise<void> {
  await manager.query('SELECT pg_advisory_xact_lock($1)', [ADMINISTRATOR_LOCK]);
}

/** Inserts a whole row. TypeORM's own type for values cannot express a jsonb column whose content is unknown. */
export async function insertRow<Row extends ObjectLiteral>(rows: Repository<Row>, row: Row): Promise<void> {
  const values: object = row;
  await rows.insert(values);
}
