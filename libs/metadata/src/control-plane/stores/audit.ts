import type { Repository } from 'typeorm';
import type { AuditOutcome, AuditRecord, AuditRequest, AuditResult, NewAuditRecord } from '../audit-records.js';
import type { AuditFilter, AuditStore } from '../audit-store.js';
import { AuditEntity } from '../entities/audit.entity.js';
import { ControlPlaneError } from '../errors.js';
import { attempt } from '../failures.js';
import { present, time } from '../mapping.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type { StoreContext } from './store-context.js';
import { storable } from './stored-json.js';

type Values = Omit<AuditEntity, 'id'>;

/** The audit log in Postgres. */
export class PostgresAuditStore implements AuditStore {
  constructor(private readonly context: StoreContext) {}

  private get rows(): Repository<AuditEntity> {
    return this.context.dataSource.getRepository(AuditEntity);
  }

  async begin(request: AuditRequest): Promise<string> {
    const [id] = await this.insert([{ ...requestColumns(request), ...outcomeColumns(undefined), result: 'begun' }]);
    if (id === undefined) throw new Error('Postgres gave an audit record no id');
    return id;
  }

  async append(records: readonly NewAuditRecord[]): Promise<void> {
    if (records.length === 0) return;
    const settledAt = new Date(this.context.clock.now());
    await this.insert(
      records.map((record) => ({
        ...requestColumns(record),
        ...outcomeColumns(record),
        count: record.count ?? 1,
        settledAt,
      })),
    );
  }

  private async insert(values: readonly Values[]): Promise<string[]> {
    // TypeORM's own type for values cannot express a jsonb column.
    const given: object[] = [...values];
    const done = await attempt('audit log', () =>
      this.rows.createQueryBuilder().insert().values(given).returning('id').execute(),
    );
    return (done.raw as { id: string }[]).map(({ id }) => id);
  }

  async settle(id: string, outcome: AuditOutcome): Promise<void> {
    const { result, status, code, details } = outcomeColumns(outcome);
    const settledAt = new Date(this.context.clock.now());
    const done = await attempt('audit log', () =>
      this.rows.update({ id, result: 'begun' }, { result, status, code, settledAt, details: { ...details } }),
    );
    if (done.affected !== 1)
      throw new ControlPlaneError('conflict', `audit record ${id}: it is not there, or is settled`);
  }

  async list(query: PageRequest & AuditFilter & { readonly order?: 'newest' | 'oldest' }): Promise<Page<AuditRecord>> {
    const take = rowsToRead(query);
    const newest = query.order !== 'oldest';
    const select = this.rows
      .createQueryBuilder('audit')
      .orderBy('audit.id', newest ? 'DESC' : 'ASC')
      .take(take);
    for (const [condition, parameters] of conditionsOf(query)) select.andWhere(condition, parameters);
    if (query.after !== undefined)
      select.andWhere(newest ? 'audit.id < :after' : 'audit.id > :after', { after: cursor(query.after) });
    const rows = await attempt('audit log', () => select.getMany());
    return toPage(rows, query.limit, { record: toAudit, cursor: (row) => row.id });
  }

  async prune(before: number, limit: number): Promise<number> {
    const sql = `WITH gone AS (
        DELETE FROM audit WHERE id IN (
          SELECT id FROM audit WHERE at < $1 AND at < now() - interval '1 day' ORDER BY at LIMIT $2
        ) RETURNING 1
      ) SELECT count(*)::integer AS count FROM gone`;
    const [row] = await attempt('audit log', () =>
      this.context.dataSource.query<{ count: number }[]>(sql, [new Date(before), limit]),
    );
    return row?.count ?? 0;
  }
}

function* conditionsOf(filter: AuditFilter): Generator<[string, Record<string, unknown>]> {
  const { from, to, actor, action, resource, result } = filter;
  if (from !== undefined) yield ['audit.at >= :from', { from: new Date(from) }];
  if (to !== undefined) yield ['audit.at < :to', { to: new Date(to) }];
  if (actor !== undefined)
    yield ['(audit.actor = :actor OR audit.actor_id = :actor OR audit.access_key = :actor)', { actor }];
  if (action !== undefined) yield ['audit.action = :action', { action }];
  if (resource !== undefined) yield ['starts_with(audit.resource, :resource)', { resource }];
  if (result !== undefined) yield ['audit.result = :result', { result }];
}

function cursor(after: string): string {
  if (!/^\d{1,18}$/.test(after)) throw new RangeError(`after must be the "next" of an earlier page, or a record's id`);
  return after;
}

const orNull = (text: string | undefined): string | null => (text === undefined ? null : storable(text));

function requestColumns(request: AuditRequest) {
  return {
    at: new Date(request.at),
    actorId: orNull(request.actorId),
    actor: orNull(request.actor),
    accessKey: orNull(request.accessKey),
    action: storable(request.action),
    resource: storable(request.resource),
    remoteAddress: orNull(request.remoteAddress),
    forwardedFor: orNull(request.forwardedFor),
    requestId: orNull(request.requestId),
    count: 1,
    settledAt: null,
  };
}

function outcomeColumns(outcome: AuditOutcome | undefined) {
  const details = Object.entries(outcome?.details ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? storable(value) : value,
  ]);
  return {
    result: outcome?.result ?? 'begun',
    status: outcome?.status ?? null,
    code: orNull(outcome?.code),
    details: Object.fromEntries(details) as AuditRecord['details'],
  };
}

function toAudit(row: AuditEntity): AuditRecord {
  const { id, action, resource, count, details } = row;
  return {
    ...{ id, action, resource, count, details },
    at: row.at.getTime(),
    result: row.result as AuditResult,
    ...present({
      actorId: row.actorId,
      actor: row.actor,
      accessKey: row.accessKey,
      remoteAddress: row.remoteAddress,
      forwardedFor: row.forwardedFor,
      requestId: row.requestId,
      status: row.status,
      code: row.code,
      settledAt: time(row.settledAt),
    }),
  };
}
