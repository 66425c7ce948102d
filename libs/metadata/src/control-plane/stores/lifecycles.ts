import { MoreThan, type Repository } from 'typeorm';
import type { BucketId } from '../../object-index/records.js';
import { LifecycleEntity } from '../entities/lifecycle.entity.js';
import { attempt, invalidAfter, isUuid, required } from '../failures.js';
import { toLifecycle } from '../mapping.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type { LifecycleStore } from '../ports.js';
import type { LifecycleRecord } from '../records.js';
import type { StoreContext } from './store-context.js';

/** Lifecycle rules in Postgres. */
export class PostgresLifecycleStore implements LifecycleStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<LifecycleEntity> {
    return this.context.dataSource.getRepository(LifecycleEntity);
  }

  async put(bucketId: BucketId, rules: readonly unknown[]): Promise<LifecycleRecord> {
    const what = `lifecycle of bucket ${bucketId}`;
    required(what, isUuid(bucketId) ? bucketId : undefined);
    return attempt(what, async () => {
      const updatedAt = new Date(this.context.clock.now());
      // As text: the driver would send an array as a Postgres array.
      await this.context.dataSource.query(
        `INSERT INTO lifecycle (bucket_id, rules, updated_at) VALUES ($1, $2::jsonb, $3)
         ON CONFLICT (bucket_id) DO UPDATE SET rules = excluded.rules, updated_at = excluded.updated_at`,
        [bucketId, JSON.stringify(rules), updatedAt],
      );
      return required(what, await this.find(bucketId));
    });
  }

  async find(bucketId: BucketId): Promise<LifecycleRecord | undefined> {
    if (!isUuid(bucketId)) return undefined;
    const row = await attempt(`lifecycle of bucket ${bucketId}`, () => this.rows.findOneBy({ bucketId }));
    return row === null ? undefined : toLifecycle(row);
  }

  async markRun(bucketId: BucketId, at: number): Promise<void> {
    await attempt(`lifecycle of bucket ${bucketId}`, () => this.rows.update({ bucketId }, { lastRunAt: new Date(at) }));
  }

  async delete(bucketId: BucketId): Promise<void> {
    const what = `lifecycle of bucket ${bucketId}`;
    await attempt(what, async () => {
      const done = isUuid(bucketId) ? await this.rows.delete({ bucketId }) : undefined;
      required(what, done?.affected === 1 ? done : undefined);
    });
  }

  async list(page: PageRequest): Promise<Page<LifecycleRecord>> {
    const take = rowsToRead(page);
    if (page.after !== undefined && !isUuid(page.after)) throw invalidAfter();
    const where = page.after === undefined ? {} : { bucketId: MoreThan(page.after) };
    const rows = await attempt('lifecycles', () => this.rows.find({ where, order: { bucketId: 'ASC' }, take }));
    return toPage(rows, page.limit, { record: toLifecycle, cursor: (row) => row.bucketId });
  }
}
