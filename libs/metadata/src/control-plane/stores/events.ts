import type {
  DeliveryRecord,
  DeliveryState,
  EventFilter,
  EventRecord,
  EventType,
  NewEvent,
  WebhookRecord,
} from '../event-records.js';
import { isWanted } from '../event-records.js';
import type { EventStore, NewWebhook } from '../event-store.js';
import { attempt, isUuid, required } from '../failures.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type { StoreContext } from './store-context.js';

interface FilterRow {
  readonly events: EventType[];
  readonly bucket: string | null;
  readonly prefix: string | null;
}
interface WebhookRow extends FilterRow {
  readonly id: string;
  readonly url: string;
  readonly insecure: boolean;
  readonly disabled: boolean;
  readonly secret: string;
  readonly created_at: Date;
}
interface EventRow {
  readonly id: string;
  readonly at: Date;
  readonly type: EventType;
  readonly bucket: string | null;
  readonly key: string | null;
  readonly data: Record<string, unknown>;
  readonly trace: string | null;
}
interface DeliveryRow extends EventRow {
  readonly delivery: string;
  readonly webhook_id: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly next_at: Date;
  readonly last_error: string | null;
}

const WEBHOOK = 'id, url, events, bucket, prefix, insecure, disabled, secret, created_at';
const DELIVERY = `d.id AS delivery, d.webhook_id, d.state, d.attempts, d.next_at, d.last_error, e.id, e.at, e.type, e.bucket, e.key, e.data, e.trace`;
/** Appends take turns, so that ids become visible in their order and a reader that goes on by id misses none. */
const APPEND_LOCK = 7_368_750_003;

/** Events in Postgres, in SQL of its own. */
export class PostgresEventStore implements EventStore {
  constructor(private readonly context: StoreContext) {}

  private query<Row>(what: string, sql: string, parameters: unknown[]): Promise<Row[]> {
    return attempt(what, () => this.context.dataSource.query<Row[]>(sql, parameters));
  }

  async createWebhook(webhook: NewWebhook): Promise<WebhookRecord> {
    const { id, url, events, bucket, prefix, insecure, secret } = webhook;
    const rows = await this.query<WebhookRow>(
      `webhook ${id}`,
      `INSERT INTO webhook (${WEBHOOK}) VALUES ($1, $2, $3, $4, $5, $6, false, $7, $8) RETURNING ${WEBHOOK}`,
      [id, url, [...events], bucket ?? null, prefix ?? null, insecure, secret, new Date(this.context.clock.now())],
    );
    return toWebhook(required(`webhook ${id}`, rows[0]));
  }

  async getWebhook(id: string): Promise<WebhookRecord> {
    return this.#oneWebhook(id, `SELECT ${WEBHOOK} FROM webhook WHERE id = $1`, []);
  }

  async setWebhookDisabled(id: string, disabled: boolean): Promise<WebhookRecord> {
    const sql = `WITH one AS (UPDATE webhook SET disabled = $2 WHERE id = $1 RETURNING ${WEBHOOK}) SELECT * FROM one`;
    return this.#oneWebhook(id, sql, [disabled]);
  }

  async resealWebhook(id: string, from: string, to: string): Promise<boolean> {
    const sql = `WITH one AS (UPDATE webhook SET secret = $3 WHERE id = $1 AND secret = $2 RETURNING 1) SELECT 1 FROM one`;
    return (await this.query(`webhook ${id}`, sql, [id, from, to])).length > 0;
  }

  async deleteWebhook(id: string): Promise<void> {
    const sql = `WITH one AS (DELETE FROM webhook WHERE id = $1 RETURNING ${WEBHOOK}) SELECT * FROM one`;
    await this.#oneWebhook(id, sql, []);
  }

  async #oneWebhook(id: string, sql: string, more: unknown[]): Promise<WebhookRecord> {
    const what = `webhook ${id}`;
    const rows = isUuid(id) ? await this.query<WebhookRow>(what, sql, [id, ...more]) : [];
    return toWebhook(required(what, rows[0]));
  }

  async listWebhooks(page: PageRequest): Promise<Page<WebhookRecord>> {
    if (page.after !== undefined && !isUuid(page.after)) throw new RangeError(`after must be a webhook's id`);
    const rows = await this.query<WebhookRow>(
      'webhooks',
      `SELECT ${WEBHOOK} FROM webhook WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
      [page.after ?? null, rowsToRead(page)],
    );
    return toPage(rows, page.limit, { record: toWebhook, cursor: ({ id }) => id });
  }

  async wanted(): Promise<readonly EventFilter[]> {
    const rows = await this.query<FilterRow>(
      'events',
      `SELECT DISTINCT events, bucket, prefix FROM webhook WHERE NOT disabled
       UNION SELECT events, bucket, prefix FROM event_listener WHERE expires_at > now()`,
      [],
    );
    return rows.map(toFilter);
  }

  async listen(id: string, { events, bucket, prefix }: EventFilter, forMs: number): Promise<void> {
    await this.query(
      'events',
      `INSERT INTO event_listener (id, events, bucket, prefix, expires_at) VALUES ($1, $2, $3, $4, now() + $5 * interval '1 ms')
       ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
      [id, [...events], bucket ?? null, prefix ?? null, forMs],
    );
  }

  async silence(id: string): Promise<void> {
    await this.query('events', 'DELETE FROM event_listener WHERE id = $1', [id]);
  }

  async append(events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    await attempt('events', () =>
      this.context.dataSource.transaction(async (manager) => {
        await manager.query('SELECT pg_advisory_xact_lock($1)', [APPEND_LOCK]);
        const hooks = await manager.query<WebhookRow[]>(
          `SELECT ${WEBHOOK} FROM webhook WHERE NOT disabled FOR KEY SHARE`,
        );
        const rows = await manager.query<{ id: string }[]>(
          `INSERT INTO event (at, type, bucket, key, data, trace)
           SELECT v.at, v.type, v.bucket, v.key, v.data::jsonb, v.trace
           FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY v (at, type, bucket, key, data, trace, n)
           ORDER BY v.n RETURNING id`,
          columnsOf(events),
        );
        const ids = rows.map(({ id }) => BigInt(id)).sort((a, b) => (a < b ? -1 : 1));
        const due = hooks.flatMap((hook) => {
          const filter = toFilter(hook);
          return events.flatMap((event, n) => (isWanted(filter, event) ? [{ hook: hook.id, event: ids[n] }] : []));
        });
        await manager.query(
          `INSERT INTO event_delivery (webhook_id, event_id, state, attempts, next_at)
           SELECT v.webhook, v.event, 'pending', 0, now() FROM unnest($1::uuid[], $2::bigint[]) v (webhook, event)`,
          [due.map(({ hook }) => hook), due.map(({ event }) => String(event))],
        );
      }),
    );
  }

  async read(after: string, limit: number): Promise<readonly EventRecord[]> {
    const sql = 'SELECT id, at, type, bucket, key, data, trace FROM event WHERE id > $1 ORDER BY id LIMIT $2';
    return (await this.query<EventRow>('events', sql, [number(after), limit])).map(toEvent);
  }

  async newest(): Promise<string> {
    const [row] = await this.query<{ id: string | null }>('events', 'SELECT max(id) AS id FROM event', []);
    return row?.id ?? '0';
  }

  async claim(perWebhook: number, forMs: number, busy: readonly string[]): Promise<readonly DeliveryRecord[]> {
    // Times are kept to a millisecond, rounded: what was made due now may seem to lie ahead by half of one.
    // Of each webhook its own: one that hangs cannot take the others' turns.
    const sql = `WITH due AS (
        SELECT one.id FROM webhook w CROSS JOIN LATERAL (
          SELECT d.id FROM event_delivery d WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.next_at <= now() + interval '1 ms'
          ORDER BY d.next_at, d.id LIMIT $1 FOR UPDATE SKIP LOCKED
        ) one WHERE NOT w.disabled AND NOT w.id = ANY($3::uuid[])
      ), d AS (
        UPDATE event_delivery SET attempts = attempts + 1, next_at = now() + $2 * interval '1 ms'
        WHERE id IN (SELECT id FROM due) RETURNING *
      ) SELECT ${DELIVERY} FROM d JOIN event e ON e.id = d.event_id ORDER BY d.id`;
    return (await this.query<DeliveryRow>('deliveries', sql, [perWebhook, forMs, [...busy]])).map(toDelivery);
  }

  async delivered(id: string): Promise<void> {
    await this.query('deliveries', 'DELETE FROM event_delivery WHERE id = $1', [number(id)]);
  }

  async refused(id: string, error: string, again: number | 'never'): Promise<void> {
    await this.query(
      'deliveries',
      `UPDATE event_delivery SET last_error = $2, state = $3, next_at = now() + $4 * interval '1 ms' WHERE id = $1`,
      [number(id), error.replaceAll('\0', ''), again === 'never' ? 'dead' : 'pending', again === 'never' ? 0 : again],
    );
  }

  async listDeliveries(
    page: PageRequest & { readonly state?: DeliveryState; readonly webhookId?: string },
  ): Promise<Page<DeliveryRecord>> {
    const { after, state = null, webhookId = null } = page;
    if (webhookId !== null && !isUuid(webhookId)) return { items: [] };
    const sql = `SELECT ${DELIVERY} FROM event_delivery d JOIN event e ON e.id = d.event_id
      WHERE ($1::bigint IS NULL OR d.id > $1) AND ($2::text IS NULL OR d.state = $2) AND ($3::uuid IS NULL OR d.webhook_id = $3)
      ORDER BY d.id LIMIT $4`;
    const parameters = [after === undefined ? null : number(after), state, webhookId, rowsToRead(page)];
    const rows = await this.query<DeliveryRow>('deliveries', sql, parameters);
    return toPage(rows, page.limit, { record: toDelivery, cursor: ({ delivery }) => delivery });
  }

  async resend(id: string): Promise<DeliveryRecord> {
    const sql = `WITH d AS (
        UPDATE event_delivery SET state = 'pending', attempts = 0, next_at = now() WHERE id = $1 RETURNING *
      ) SELECT ${DELIVERY} FROM d JOIN event e ON e.id = d.event_id`;
    const rows = /^\d{1,18}$/.test(id) ? await this.query<DeliveryRow>('deliveries', sql, [id]) : [];
    return toDelivery(required(`delivery ${id}`, rows[0]));
  }

  async prune(before: number): Promise<number> {
    await this.query('events', 'DELETE FROM event_listener WHERE expires_at < now()', []);
    const sql = `WITH gone AS (DELETE FROM event WHERE at < $1 RETURNING 1) SELECT count(*)::integer AS count FROM gone`;
    const [row] = await this.query<{ count: number }>('events', sql, [new Date(before)]);
    return row?.count ?? 0;
  }
}

function number(text: string): string {
  if (!/^\d{1,18}$/.test(text)) throw new RangeError('an id of an event or a delivery is a decimal number');
  return text;
}

/** Postgres holds no zero character; a key that has one is shown with another in its place. */
const orNull = (text: string | undefined): string | null => text?.replaceAll('\0', '\uFFFD') ?? null;

function columnsOf(events: readonly NewEvent[]): unknown[] {
  return [
    events.map(({ at }) => new Date(at)),
    events.map(({ type }) => type),
    events.map(({ bucket }) => orNull(bucket)),
    events.map(({ key }) => orNull(key)),
    events.map(({ data }) => JSON.stringify(data).replaceAll('\\u0000', '\\ufffd')),
    events.map(({ trace }) => trace ?? null),
  ];
}

function toFilter({ events, bucket, prefix }: FilterRow): EventFilter {
  return { events, ...(bucket === null ? {} : { bucket }), ...(prefix === null ? {} : { prefix }) };
}

function toWebhook(row: WebhookRow): WebhookRecord {
  const { id, url, insecure, disabled, secret } = row;
  return { ...toFilter(row), id, url, insecure, disabled, secret, createdAt: row.created_at.getTime() };
}

function toEvent({ id, at, type, data, ...row }: EventRow): EventRecord {
  const { bucket, key, trace } = row;
  const about = { ...(bucket === null ? {} : { bucket }), ...(key === null ? {} : { key }) };
  return { id, at: at.getTime(), type, data, ...about, ...(trace === null ? {} : { trace }) };
}

function toDelivery(row: DeliveryRow): DeliveryRecord {
  const { delivery, webhook_id: webhookId, state, attempts, next_at: nextAt, last_error: lastError } = row;
  const refusal = lastError === null ? {} : { lastError };
  return { id: delivery, webhookId, event: toEvent(row), state, attempts, nextAt: nextAt.getTime(), ...refusal };
}
