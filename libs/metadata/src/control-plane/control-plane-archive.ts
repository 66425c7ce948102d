import pg from 'pg';
import { INDEX_KINDS, type IndexKind } from '../object-index/index-archive.js';
import { createDataSource, migrate, MIGRATIONS_TABLE, type PostgresConnection } from './data-source.js';
import { ControlPlaneError } from './errors.js';
import { attempt } from './failures.js';
import { MIGRATIONS } from './migrations/index.js';

/** Rows travel as Postgres writes and reads them, so that no type loses anything on the way. */
export interface ArchivedRows {
  readonly table: string;
  /** Each a row as a JSON object. */
  readonly rows: readonly string[];
}

/** What a copy of the control plane says of itself. */
export interface ControlPlaneFacts {
  readonly deployment: string;
  /** Migrations that made its tables, in order. */
  readonly migrations: readonly string[];
  /** Ids of the master keys without which what it holds cannot be opened. */
  readonly masterKeys: readonly string[];
  /** Where the deployment keeps its index; absent where no note was kept of it. */
  readonly indexKind?: IndexKind;
}

const PAGE = 500;
/** What is made by migrating, and the counter that triggers raise, belongs to a database and not to a deployment. */
const OWN_OF_THE_DATABASE = [MIGRATIONS_TABLE, 'config_revision'];
const TABLES = `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relname = ANY($1) ORDER BY 1`;
const REFERENCES = `SELECT conrelid::regclass::text AS from, confrelid::regclass::text AS to FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conrelid <> confrelid`;
const IDENTITIES = `SELECT table_name AS table, column_name AS column FROM information_schema.columns WHERE table_schema = 'public' AND is_identity = 'YES'`;

/** One session in which a control plane is read or written whole. */
export class ControlPlaneArchive {
  #known: ReadonlySet<string> | undefined;

  private constructor(private readonly client: pg.Client) {}

  /** Opens what is there to be read, all of it as it is at one moment, while others go on changing it. Fails with `not-found` where no control plane was ever made, or `incompatible` if a newer program made it. */
  static async read(connection: PostgresConnection): Promise<ControlPlaneArchive> {
    return open(connection, async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const archive = new ControlPlaneArchive(client);
      if ((await archive.#migrations()).length === 0)
        throw new ControlPlaneError('not-found', 'there is no deployment in this database yet');
      requireKnown(await archive.#migrations());
      return archive;
    });
  }

  /**
   * Makes the tables as those migrations do, and opens them to be written. Nothing is there for others before `commit`. Fails with `exists` where a deployment was started already.
   * The rest of the migrations is made by the next start, as in every upgrade.
   */
  static async write(connection: PostgresConnection, migrations: readonly string[]): Promise<ControlPlaneArchive> {
    requireKnown(migrations);
    await makeTables(connection, migrations);
    return open(connection, async (client) => {
      await client.query('BEGIN');
      const archive = new ControlPlaneArchive(client);
      if ((await archive.#migrations()).join() !== migrations.join())
        throw new ControlPlaneError(
          'exists',
          'another version of Spumoni has made its tables there; name an empty database',
        );
      for (const table of [...(await archive.tables())].reverse())
        if (table !== 'audit') await client.query(`DELETE FROM ${pg.escapeIdentifier(table)}`);
      return archive;
    });
  }

  async facts(): Promise<ControlPlaneFacts> {
    const deployment = await this.#column(`SELECT id::text AS value FROM deployment`);
    const migrations = await this.#migrations();
    const tables = await this.tables();
    const keys = tables.includes('master_key')
      ? await this.#column(`SELECT id AS value FROM master_key WHERE state <> 'retired' ORDER BY 1`)
      : await this.#column(
          `SELECT DISTINCT split_part(sealed, '.', 2) AS value FROM (SELECT credentials AS sealed FROM backend UNION SELECT secret FROM access_key) s`,
        );
    const [kind] = (await this.#notesIndexKind())
      ? await this.#column('SELECT index_kind AS value FROM deployment')
      : [];
    const indexKind = INDEX_KINDS.find((known) => known === kind);
    return {
      deployment: deployment[0] ?? '',
      migrations,
      masterKeys: keys,
      ...(indexKind === undefined ? {} : { indexKind }),
    };
  }

  /** Every table, those first that others refer to. */
  async tables(): Promise<readonly string[]> {
    const { rows: found } = await this.client.query<{ name: string }>(TABLES, [OWN_OF_THE_DATABASE]);
    const { rows: references } = await this.client.query<{ from: string; to: string }>(REFERENCES);
    const plain = (name: string): string => name.replace(/^"(.*)"$/, '$1');
    const left = new Set(found.map(({ name }) => name));
    const ordered: string[] = [];
    while (left.size > 0) {
      const next = [...left].filter((name) =>
        references.every(({ from, to }) => plain(from) !== name || !left.has(plain(to))),
      );
      if (next.length === 0) throw new Error(`tables refer to each other in a circle: ${[...left].join(', ')}`);
      for (const name of next) left.delete(name);
      ordered.push(...next);
    }
    return ordered;
  }

  /** The rows of every table, page by page. */
  async *rows(): AsyncGenerator<ArchivedRows> {
    for (const table of await this.tables()) {
      const name = pg.escapeIdentifier(table);
      await this.client.query(`DECLARE pages NO SCROLL CURSOR FOR SELECT row_to_json(r)::text AS row FROM ${name} r`);
      for (;;) {
        const { rows } = await this.client.query<{ row: string }>(`FETCH ${String(PAGE)} FROM pages`);
        if (rows.length > 0) yield { table, rows: rows.map(({ row }) => row) };
        if (rows.length < PAGE) break;
      }
      await this.client.query('CLOSE pages');
    }
  }

  /** Rows of the control plane's own tables alone: whoever wrote the file names them, and the session may be one that can write to any. */
  async put({ table, rows }: ArchivedRows): Promise<void> {
    this.#known ??= new Set(await this.tables());
    if (!this.#known.has(table))
      throw new ControlPlaneError('invalid', `the backup has rows of ${table}, which is no table of the control plane`);
    const name = pg.escapeIdentifier(table);
    const sql = `INSERT INTO ${name} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::${name}, $1)`;
    await attempt(`the backup's rows of ${table}`, () => this.client.query(sql, [`[${rows.join(',')}]`]));
  }

  /**
   * Makes of rows that were copied at one moment those of a deployment that begins anew, and commits. Buckets that were being made, or whose documents were not in the copy, are left out; those that were being deleted are there again.
   * Jobs that were under way wait for their operator (migrations) or are over (what is begun again by itself, or asked for again).
   */
  async commit({ buckets, indexKind }: { buckets: ReadonlySet<string>; indexKind: IndexKind }): Promise<void> {
    const run = (sql: string, values: unknown[] = []): Promise<unknown> => this.client.query(sql, values);
    await run(`DELETE FROM bucket WHERE state = 'creating' OR NOT id::text = ANY($1)`, [[...buckets]]);
    await run(`UPDATE bucket SET state = 'active'`);
    const open = `state IN ('planned', 'running', 'paused')`;
    const over = `worker_id = NULL, updated_at = now(), error = 'the deployment was restored from a backup'`;
    await run(
      `UPDATE job SET state = 'cancelled', wish = 'cancel', ${over} WHERE ${open} AND type IN ('adopt', 'reconcile', 'lifecycle-run', 'retier', 'encrypt')`,
    );
    await run(`UPDATE job SET state = 'paused', wish = 'pause', ${over} WHERE ${open} AND type = 'migration'`);
    const { rows } = await this.client.query<{ table: string; column: string }>(IDENTITIES);
    for (const { table, column } of rows) {
      const name = pg.escapeIdentifier(table);
      const last = `(SELECT max(${pg.escapeIdentifier(column)}) FROM ${name})`;
      await run(`SELECT setval(pg_get_serial_sequence($1, $2), ${last}) WHERE ${last} IS NOT NULL`, [name, column]);
    }
    // Before there was this column, the next start finds out.
    if (await this.#notesIndexKind()) await run('UPDATE deployment SET index_kind = $1', [indexKind]);
    await run('COMMIT');
  }

  /** Ends the session; what was not committed was never there. */
  async close(): Promise<void> {
    await this.client.end();
  }

  async #notesIndexKind(): Promise<boolean> {
    const columns = `SELECT column_name AS value FROM information_schema.columns WHERE table_name = 'deployment'`;
    return (await this.#column(columns)).includes('index_kind');
  }

  async #migrations(): Promise<string[]> {
    const there = await this.#column(`SELECT to_regclass('${MIGRATIONS_TABLE}')::text AS value`);
    if (there[0] === undefined) return [];
    return this.#column(`SELECT name AS value FROM ${MIGRATIONS_TABLE} ORDER BY id`);
  }

  async #column(sql: string): Promise<string[]> {
    const { rows } = await this.client.query<{ value: string | null }>(sql);
    return rows.flatMap(({ value }) => (value === null ? [] : value));
  }
}

/** Whether a deployment was ever started there, and which; undefined: never. Several may be asked for, so nothing is made. */
export async function findDeployment(connection: PostgresConnection): Promise<string | undefined> {
  return attempt('control plane', () =>
    withClient(connection, async (client) => {
      const { rows: made } = await client.query<{ made: boolean }>(`SELECT to_regclass('"user"') IS NOT NULL AS made`);
      if (made[0]?.made !== true) return undefined;
      const used = `EXISTS (SELECT FROM "user") OR EXISTS (SELECT FROM backend) OR EXISTS (SELECT FROM bucket)`;
      const { rows } = await client.query<{ id: string }>(`SELECT id::text AS id FROM deployment WHERE ${used}`);
      return rows[0]?.id;
    }),
  );
}

async function withClient<T>(connection: PostgresConnection, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...connection, application_name: 'spumoni-backup' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function open(
  connection: PostgresConnection,
  begin: (client: pg.Client) => Promise<ControlPlaneArchive>,
): Promise<ControlPlaneArchive> {
  return attempt('control plane', async () => {
    const client = new pg.Client({ ...connection, application_name: 'spumoni-backup', keepAlive: true });
    // What is lost shows in the query under way; without a handler an idle loss would end the process.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await begin(client);
    } catch (error) {
      await client.end();
      throw error;
    }
  });
}

function requireKnown(migrations: readonly string[]): void {
  const known = new Set<string>(MIGRATIONS.map((Migration) => new Migration().name));
  const unknown = migrations.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new ControlPlaneError(
    'incompatible',
    `this was written by a newer Spumoni (its migrations ${unknown.join(', ')} are unknown here): use that version or a later one`,
  );
}

async function makeTables(connection: PostgresConnection, migrations: readonly string[]): Promise<void> {
  const chosen = MIGRATIONS.filter((Migration) => migrations.includes(new Migration().name));
  const dataSource = createDataSource({ connection, poolSize: 2, onTrouble: () => undefined, migrations: chosen });
  await attempt('control plane', async () => {
    await dataSource.initialize();
    try {
      await migrate(dataSource);
    } finally {
      await dataSource.destroy();
    }
  });
}
