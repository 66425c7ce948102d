import { attempt } from '../failures.js';
import { rowsToRead, toPage, type Page, type PageRequest } from '../paging.js';
import type {
  BucketCount,
  RequestCounts,
  RequestDeltas,
  StoredShare,
  UsageDay,
  UsageDimension,
  UsageGroup,
} from '../usage-records.js';
import type { UsageStore } from '../usage-store.js';
import type { StoreContext } from './store-context.js';
import { addRequests, days, requestsSince, storageNow } from './usage-statements.js';

/** Counts come as texts: Postgres's are larger than a number of JavaScript may be. */
interface RequestRow {
  readonly reads: string;
  readonly writes: string;
  readonly lists: string;
  readonly bytes_in: string;
  readonly bytes_out: string;
}
interface StorageRow {
  readonly name: string;
  readonly backend: string;
  readonly storageClass: string | null;
  readonly objects: string;
  readonly bytes: string;
  readonly billedBytes: string;
  readonly countedAt: Date | null;
  readonly uncounted: string;
}

const WHAT = 'usage';

/** Usage in Postgres, in SQL of its own: every question is a sum. */
export class PostgresUsageStore implements UsageStore {
  constructor(private readonly context: StoreContext) {}

  private query<Row>(sql: string, parameters: unknown[]): Promise<Row[]> {
    return attempt(WHAT, () => this.context.dataSource.query<Row[]>(sql, parameters));
  }

  async putStorage({ bucket, shares, countedAt }: BucketCount): Promise<void> {
    const day = dayOf(countedAt);
    const empty = { backend: bucket.home, tier: '', storageClass: '', objects: 0, bytes: 0, billedBytes: 0 };
    const rows = shares.length === 0 ? [empty] : shares;
    const column = (of: (share: StoredShare) => unknown): unknown[] => rows.map(of);
    await attempt(WHAT, () =>
      this.context.dataSource.transaction(async (manager) => {
        // Two counts of one bucket follow each other.
        await manager.query('SELECT pg_advisory_xact_lock(7369, hashtext($1))', [bucket.id]);
        await manager.query('DELETE FROM usage_storage WHERE bucket_id = $1 AND day = $2::date', [bucket.id, day]);
        await manager.query(
          `INSERT INTO usage_storage (bucket_id, day, bucket, owner_id, counted_at, backend_id, tier, storage_class, objects, bytes, billed_bytes)
           SELECT $1, $2::date, $3, $4, $5, v.* FROM unnest($6::uuid[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[]) v`,
          [
            ...[bucket.id, day, bucket.name, bucket.ownerId, new Date(countedAt)],
            column(({ backend }) => backend),
            column(({ tier }) => tier),
            column(({ storageClass }) => storageClass),
            column(({ objects }) => objects),
            column(({ bytes }) => bytes),
            column(({ billedBytes }) => billedBytes),
          ],
        );
      }),
    );
  }

  async addRequests(at: number, deltas: RequestDeltas): Promise<void> {
    const day = dayOf(at);
    await attempt(WHAT, () =>
      this.context.dataSource.transaction(async (manager) => {
        for (const [scope, counts] of [
          ['bucket', deltas.buckets],
          ['backend', deltas.backends],
        ] as const)
          if (counts.size > 0) await manager.query(addRequests(scope), [day, ...columnsOf(counts)]);
      }),
    );
  }

  async list(
    by: UsageDimension,
    page: PageRequest & { readonly since: number; readonly ownerId?: string },
  ): Promise<Page<UsageGroup>> {
    const owner = page.ownerId ?? null;
    const rows = await this.query<StorageRow>(storageNow(by), [page.after ?? null, rowsToRead(page), owner]);
    const storage = Map.groupBy(rows, ({ name }) => name);
    const { items, next } = toPage([...storage.keys()], page.limit, { record: (name) => name, cursor: (name) => name });
    const asked = await this.query<RequestRow & { name: string; backend: string }>(requestsSince(by), [
      dayOf(page.since),
      items,
      owner,
    ]);
    const requests = Map.groupBy(asked, ({ name }) => name);
    const groups = items.map((name) => ({
      ...toGroup(name, storage.get(name) ?? []),
      requests: (requests.get(name) ?? []).map((row) => ({ backend: row.backend, ...countsOf(row) })),
    }));
    return { items: groups, ...(next === undefined ? {} : { next }) };
  }

  async history(
    by: UsageDimension,
    query: PageRequest & {
      readonly name?: string;
      readonly from?: string;
      readonly to?: string;
      readonly ownerId?: string;
    },
  ): Promise<Page<UsageDay>> {
    const { name = null, from = null, to = null, after = null, ownerId = null } = query;
    const rows = await this.query<RequestRow & { day: string; objects: string; bytes: string }>(days(by), [
      ...[name, from, to, after, rowsToRead(query), ownerId],
    ]);
    return toPage(rows, query.limit, {
      record: (row) => ({ day: row.day, objects: Number(row.objects), bytes: Number(row.bytes), ...countsOf(row) }),
      cursor: ({ day }) => day,
    });
  }

  async prune(before: number): Promise<number> {
    const pruned = await Promise.all(
      ['usage_storage', 'usage_requests'].map((table) =>
        this.query<{ count: number }>(
          `WITH gone AS (DELETE FROM ${table} WHERE day < $1::date RETURNING 1) SELECT count(*)::integer AS count FROM gone`,
          [dayOf(before)],
        ),
      ),
    );
    return pruned.reduce((all, [row]) => all + (row?.count ?? 0), 0);
  }

  async findPrices(): Promise<unknown> {
    const [row] = await this.query<{ content: unknown }>('SELECT content FROM price_table', []);
    return row?.content;
  }

  async putPrices(content: object): Promise<void> {
    await this.query(
      `INSERT INTO price_table (content, updated_at) VALUES ($1::jsonb, $2)
       ON CONFLICT (singleton) DO UPDATE SET content = excluded.content, updated_at = excluded.updated_at`,
      [JSON.stringify(content), new Date(this.context.clock.now())],
    );
  }

  async deletePrices(): Promise<void> {
    await this.query('DELETE FROM price_table', []);
  }
}

/** The UTC day of a time. */
function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function columnsOf(counts: ReadonlyMap<string, RequestCounts>): unknown[] {
  const values = [...counts.values()];
  return [
    [...counts.keys()],
    values.map(({ reads }) => reads),
    values.map(({ writes }) => writes),
    values.map(({ lists }) => lists),
    values.map(({ bytesIn }) => bytesIn),
    values.map(({ bytesOut }) => bytesOut),
  ];
}

function countsOf(row: RequestRow): RequestCounts {
  return {
    reads: Number(row.reads),
    writes: Number(row.writes),
    lists: Number(row.lists),
    bytesIn: Number(row.bytes_in),
    bytesOut: Number(row.bytes_out),
  };
}

function toGroup(name: string, rows: readonly StorageRow[]): Omit<UsageGroup, 'requests'> {
  const times = rows.flatMap(({ countedAt }) => (countedAt === null ? [] : [countedAt.getTime()]));
  return {
    name,
    storage: rows
      .filter(({ objects }) => objects !== '0')
      .map(({ backend, storageClass, objects, bytes, billedBytes }) => ({
        backend,
        storageClass: storageClass ?? '',
        objects: Number(objects),
        bytes: Number(bytes),
        billedBytes: Number(billedBytes),
      })),
    ...(times.length === 0 ? {} : { countedAt: Math.min(...times) }),
    uncounted: rows.reduce((all, { uncounted }) => all + Number(uncounted), 0),
  };
}
