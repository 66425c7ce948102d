import type { Repository } from 'typeorm';
import { LimitsEntity } from '../entities/limits.entity.js';
import { attempt, isUuid, required } from '../failures.js';
import { toLimits } from '../mapping.js';
import type { LimitsStore } from '../ports.js';
import type { LimitedSubject, LimitsRecord, LoadLimits } from '../records.js';
import type { StoreContext } from './store-context.js';

const PUT = `INSERT INTO limits (id, bucket_id, user_id, requests_per_second, bytes_per_second, objects, bytes, updated_at)
  VALUES (coalesce($1::uuid, $2::uuid), $1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (id) DO UPDATE SET requests_per_second = excluded.requests_per_second, bytes_per_second = excluded.bytes_per_second,
    objects = excluded.objects, bytes = excluded.bytes, updated_at = excluded.updated_at`;

/** Limits in Postgres. */
export class PostgresLimitsStore implements LimitsStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<LimitsEntity> {
    return this.context.dataSource.getRepository(LimitsEntity);
  }

  async put(subject: LimitedSubject, limits: LoadLimits): Promise<void> {
    const id = idOf(subject);
    const [bucketId, userId] = 'bucketId' in subject ? [id, null] : [null, id];
    required(nameOf(subject), isUuid(id) ? id : undefined);
    const { requestsPerSecond = null, bytesPerSecond = null, objects = null, bytes = null } = limits;
    const values = [requestsPerSecond, bytesPerSecond, objects, bytes];
    await attempt(nameOf(subject), async () => {
      if (values.every((value) => value === null)) await this.rows.delete({ id });
      else await this.context.dataSource.query(PUT, [bucketId, userId, ...values, new Date(this.context.clock.now())]);
    });
  }

  async find(subject: LimitedSubject): Promise<LimitsRecord | undefined> {
    const id = idOf(subject);
    if (!isUuid(id)) return undefined;
    const row = await attempt(nameOf(subject), () => this.rows.findOneBy({ id }));
    return row === null ? undefined : toLimits(row);
  }
}

function idOf(subject: LimitedSubject): string {
  return 'bucketId' in subject ? subject.bucketId : subject.userId;
}

function nameOf(subject: LimitedSubject): string {
  return 'bucketId' in subject ? `limits of bucket ${subject.bucketId}` : `limits of user ${subject.userId}`;
}
