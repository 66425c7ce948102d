import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { postgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import pg from 'pg';
import { Client, objectPath } from './client.js';
import { Program } from './production/program.js';
import { until } from './running-spumoni.js';

const ROOT = { accessKey: 'ROOTACCESSKEY0000001', secretKey: 'a-root-secret-of-some-length' };
const FRESH_MS = 1_000;
const WITHIN_MS = 90_000;
const OBJECTS = 400;
/** Ends the connections that bring the notice of a change. */
const END_LISTENERS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'spumoni-listener'`;
/** From now on changes are made and not told. */
const WITHOUT_NOTICE = `CREATE OR REPLACE FUNCTION raise_config_revision() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN UPDATE config_revision SET revision = revision + 1; RETURN NULL; END $$`;

/** Processes that nobody supervises, told everything by their environment. What they share besides Postgres is the index in one data directory. */
describe('processes without the supervisor', () => {
  let directory = '';
  let postgres: EmbeddedPostgres;
  let environment: Readonly<Record<string, string>>;
  let databases = 0;
  const programs: Program[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spumoni-processes-'));
    postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'postgres'), durable: false });
  }, 60_000);
  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.kill()));
  });
  afterAll(async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function query(text: string, database = 'spumoni'): Promise<pg.QueryResult> {
    const client = new pg.Client({ ...postgres.connection, database });
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  /** An empty database, and the environment of processes on it. */
  async function fresh(): Promise<string> {
    databases += 1;
    const database = `empty_${databases}`;
    await query(`CREATE DATABASE ${database}`);
    environment = {
      SPUMONI_POSTGRES_URL: postgresUrl({ ...postgres.connection, database }),
      SPUMONI_DATA_DIR: join(directory, database),
      SPUMONI_LOG_LEVEL: 'warn',
      SPUMONI_SWEEP_SECONDS: '1',
    };
    return database;
  }

  async function start(app: 'api' | 'worker', more: Readonly<Record<string, string>> = {}): Promise<Program> {
    const program = await Program.start(app, { ...environment, ...more });
    programs.push(program);
    return program;
  }

  const withRoot = { SPUMONI_ROOT_ACCESS_KEY: ROOT.accessKey, SPUMONI_ROOT_SECRET_KEY: ROOT.secretKey };
  const clientOf = (program: Program, keys = ROOT): Client => new Client({ url: program.url, ...keys });

  it('that start at once on an empty Postgres make its tables, what a first start makes and the administrator once', async () => {
    const database = await fresh();
    const apps = ['api', 'api', 'api', 'worker'] as const;
    const started = await Promise.all(apps.map((app) => start(app)));
    const toldNow = (): string[] =>
      started.flatMap(({ output }) => /shown this once: access key (\S+), secret key (\S+)/.exec(output) ?? []);
    // What a process has printed is read a moment later.
    await until('the keys are shown', WITHIN_MS, () => Promise.resolve(toldNow().length > 0));
    const told = toldNow();
    expect(told).toHaveLength(3);
    const [, accessKey = '', secretKey = ''] = told;
    for (const api of started.slice(0, 3)) {
      const client = clientOf(api, { accessKey, secretKey });
      expect((await client.expect(200, 'GET', '/admin/v1/users')).json()).toMatchObject({ items: [{ role: 'admin' }] });
      expect((await client.expect(200, 'GET', '/admin/v1/backends')).json()).toMatchObject({
        items: [{ name: 'local' }],
      });
    }
    const { rows } = await query('SELECT count(*)::int AS count FROM tier_policy', database);
    expect(rows).toEqual([{ count: 3 }]);
  }, 90_000);

  it('refuse a key within a second after another process disabled it, also when the notice is cut or never comes', async () => {
    const database = await fresh();
    const [one, other] = await Promise.all([start('api', withRoot), start('api')]);
    const cuts: readonly (() => Promise<unknown>)[] = [
      () => Promise.resolve(),
      () => query(END_LISTENERS, database),
      () => query(WITHOUT_NOTICE, database),
    ];
    for (const [index, cut] of cuts.entries()) {
      const admin = clientOf(one);
      const name = `ana-${index}`;
      await admin.expect(201, 'POST', '/admin/v1/users', { json: { name } });
      const keys = (await admin.expect(201, 'POST', '/admin/v1/keys', { json: { user: name } })).json() as typeof ROOT;
      const user = clientOf(other, keys);
      await until('the key opens', WITHIN_MS, async () => (await user.send('GET', '/v1/')).status === 200);
      await cut();
      await admin.expect(200, 'PATCH', `/admin/v1/keys/${keys.accessKey}`, { json: { disabled: true } });
      expect({ index, late: await answeredLate(user) }).toEqual({ index, late: 0 });
    }
  }, 90_000);

  it('end what is under way when they are told to stop: an upload is taken whole, and a job is given back', async () => {
    await fresh();
    const [api, other, worker] = [await start('api', withRoot), await start('api'), await start('worker')];
    const client = clientOf(other);
    await client.expect(200, 'PUT', '/v1/kept', { json: { name: 'kept', backend: 'local' } });
    await client.expect(201, 'POST', '/admin/v1/backends', {
      json: { name: 'second', type: 'filesystem', options: { path: join(directory, 'second') } },
    });
    for (let n = 0; n < OBJECTS; n += 1)
      await client.expect(200, 'PUT', objectPath('kept', `key-${n}`), { body: `${n}` });

    const half = Buffer.alloc(300_000, 'half');
    const told = Promise.withResolvers<undefined>();
    async function* slowly(): AsyncGenerator<Uint8Array> {
      yield half;
      await told.promise;
      yield half;
    }
    const upload = clientOf(api).send('PUT', objectPath('kept', 'slow'), { body: slowly() });
    await until('the upload is under way', WITHIN_MS, async () => (await api.requestsInFlight()) > 0);
    const ending = api.stop();
    await until('it takes no more connections', WITHIN_MS, async () => (await api.readiness()).status === 0);
    told.resolve(undefined);
    expect((await upload).status).toBe(200);
    expect(await ending).toBe(0);
    const { bytes } = await client.expect(200, 'GET', objectPath('kept', 'slow'));
    expect(bytes.equals(Buffer.concat([half, half]))).toBe(true);

    await interruptedMigration(client, worker);
  }, 120_000);

  /** Migrates to and fro until a worker was told to stop in the middle: here the first time, unless the machine stood still meanwhile. */
  async function interruptedMigration(client: Client, first: Program): Promise<void> {
    let worker = first;
    for (const backend of ['second', 'local', 'second', 'local', 'second']) {
      const json = { bucket: 'kept', destination: { backend } };
      const { id } = (await client.expect(202, 'POST', '/admin/v1/migrations', { json })).json() as { id: string };
      const migration = async () =>
        (await client.expect(200, 'GET', `/admin/v1/migrations/${id}`)).json() as { state: string; objects: object };
      await until('the migration runs', WITHIN_MS, async () => (await migration()).state !== 'planned');
      expect(await worker.stop()).toBe(0);
      const { state } = await migration();
      worker = await start('worker');
      await until('the migration is done', WITHIN_MS, async () => (await migration()).state === 'completed');
      expect(await migration()).toMatchObject({ objects: { total: OBJECTS + 1, done: OBJECTS + 1, failed: 0 } });
      if (state === 'planned') return;
      expect(state).toBe('completed');
    }
    throw new Error('no worker was stopped in the middle of a migration');
  }

  it('say what they lack, and end', async () => {
    await fresh();
    const alone = await Program.spawn('api', { SPUMONI_DATA_DIR: join(directory, 'none') });
    expect(await alone.ended()).toBe(1);
    expect(alone.output).toContain('SPUMONI_POSTGRES_URL: is missing');
    const wrong = await Program.spawn('worker', { ...environment, SPUMONI_REDIS_URL: 'redis://:hush@127.0.0.1:1' });
    expect(await wrong.ended()).toBe(1);
    expect(wrong.output).toContain('Redis cannot be reached');
    expect(wrong.output).not.toContain('hush');
  }, 60_000);
});

/** Asks until twenty refusals have come: how many requests were let in that began later than a second from now, or after the first refusal. */
async function answeredLate(client: Client): Promise<number> {
  const since = performance.now();
  let late = 0;
  for (let refused = 0; refused < 20;) {
    const begun = performance.now() - since;
    const { status } = await client.send('GET', '/v1/');
    if (status === 401) refused += 1;
    else if (begun > FRESH_MS || refused > 0) late += 1;
    await delay(10);
  }
  return late;
}
