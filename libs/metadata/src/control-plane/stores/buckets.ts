import { MoreThan, type Repository } from 'typeorm';
import type { BucketId } from '../../object-index/records.js';
import { BucketEntity } from '../entities/bucket.entity.js';
import { ControlPlaneError } from '../errors.js';
import { attempt, isUuid, required } from '../failures.js';
import { toBucket } from '../mapping.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type { BucketChange, BucketStore, NewBucket } from '../ports.js';
import type { BucketRecord } from '../records.js';
import type { StoreContext } from './store-context.js';

type BucketPage = PageRequest & { readonly ownerId?: string; readonly backendId?: string; readonly policy?: string };

/** Bucket rows in Postgres; the unique name is the reservation. */
export class PostgresBucketStore implements BucketStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<BucketEntity> {
    return this.context.dataSource.getRepository(BucketEntity);
  }

  async create(bucket: NewBucket): Promise<BucketRecord> {
    const row = this.rows.create({
      ...bucket,
      id: bucket.id ?? this.context.newId(),
      policy: bucket.policy ?? null,
      createdAt: new Date(this.context.clock.now()),
    });
    await attempt(`bucket ${bucket.name}`, () => this.rows.insert(row));
    return toBucket(row);
  }

  async get(name: string): Promise<BucketRecord> {
    return required(`bucket ${name}`, await this.find(name));
  }

  async find(name: string): Promise<BucketRecord | undefined> {
    const row = await attempt(`bucket ${name}`, () => this.rows.findOneBy({ name }));
    return row === null ? undefined : toBucket(row);
  }

  async findById(id: BucketId): Promise<BucketRecord | undefined> {
    if (!isUuid(id)) return undefined;
    const row = await attempt(`bucket ${id}`, () => this.rows.findOneBy({ id }));
    return row === null ? undefined : toBucket(row);
  }

  async update(id: BucketId, { from, ...change }: BucketChange): Promise<BucketRecord> {
    const what = `bucket ${id}`;
    required(what, isUuid(id) ? id : undefined);
    return attempt(what, async () => {
      const done = await this.rows.update({ id, ...(from === undefined ? {} : { state: from }) }, { ...change, id });
      const row = required(what, await this.rows.findOneBy({ id }));
      if (done.affected !== 1) {
        throw new ControlPlaneError('conflict', `${what}: it is ${row.state}, not ${from ?? 'there'}`);
      }
      return toBucket(row);
    });
  }

  async delete(id: BucketId): Promise<void> {
    const what = `bucket ${id}`;
    await attempt(what, async () => {
      const done = isUuid(id) ? await this.rows.delete({ id }) : undefined;
      required(what, done?.affected === 1 ? done : undefined);
    });
  }

  async list(page: BucketPage): Promise<Page<BucketRecord>> {
    const take = rowsToRead(page);
    const { after, ownerId, backendId, policy } = page;
    if ([ownerId, backendId].some((id) => id !== undefined && !isUuid(id))) return { items: [] };
    const where = {
      ...(after === undefined ? {} : { name: MoreThan(after) }),
      ...(ownerId === undefined ? {} : { ownerId }),
      ...(backendId === undefined ? {} : { backendId }),
      ...(policy === undefined ? {} : { policy }),
    };
    const rows = await attempt('buckets', () => this.rows.find({ where, order: { name: 'ASC' }, take }));
    return toPage(rows, page.limit, { record: toBucket, cursor: (row) => row.name });
  }
}
