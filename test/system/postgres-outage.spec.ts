import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { postgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { objectPath, type Answer, type Client } from './client.js';
import { FrozenPostgres } from '../servers/frozen-postgres.js';
import { RunningSpumoni, until } from './running-spumoni.js';

const SETTINGS = {
  SPUMONI_GARBAGE_GRACE_SECONDS: '0.5',
  SPUMONI_SWEEP_SECONDS: '0.5',
  SPUMONI_HEARTBEAT_SECONDS: '1',
  SPUMONI_DEAD_AFTER_SECONDS: '5',
  // So slow that the job is still under way when Postgres goes.
  SPUMONI_MIGRATION_PARALLEL: '1',
};
const OBJECTS = 100;
const WITHIN_MS = 90_000;

/** Clients that write new keys without an end, and remember what they were told. */
class Writers {
  readonly acknowledged: string[] = [];
  readonly refusals: Answer[] = [];
  #stopped = false;
  #tried = 0;
  readonly #done: Promise<unknown>;

  constructor(private readonly client: Client) {
    this.#done = Promise.all([this.#write(), this.#write(), this.#write()]);
    // Asked for at the stop.
    this.#done.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #write(): Promise<void> {
    while (!this.#stopped) {
      const key = `k${(this.#tried += 1)}`;
      const signal = AbortSignal.timeout(WITHIN_MS);
      const answer = await this.client.send('PUT', objectPath('written', key), { body: key, signal });
      if (answer.status === 200) this.acknowledged.push(key);
      else this.refusals.push(answer);
    }
  }
}

interface MigrationShown {
  readonly objects: { readonly total: number; readonly done: number; readonly failed: number };
}

interface Outage {
  readonly environment: (directory: string) => Promise<Readonly<Record<string, string>>>;
  readonly begin: (directory: string) => Promise<void>;
  /** Whether it has been noticed by the product: asked again and again before `end`. */
  readonly noticed: (spumoni: RunningSpumoni, writers: Writers) => boolean;
  /** What clients do while it lasts. */
  readonly meanwhile?: (client: Client) => Promise<void>;
  readonly end: () => Promise<void>;
  /** What clients do once it is over. */
  readonly after?: (client: Client) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The supervisor's own, killed; the supervisor starts it again within a second, so that perhaps nobody is refused. */
function embedded(): Outage {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    environment: () => Promise.resolve({}),
    begin: async (directory) => {
      const [pid = ''] = (await readFile(join(directory, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGKILL');
    },
    noticed: ({ output }) => output.includes('Postgres is ready again'),
    end: nothing,
    close: nothing,
  };
}

/** One that an operator runs, stopped and started. */
function outside(): Outage {
  let place = '';
  let server: EmbeddedPostgres | undefined;
  const start = async (socketDirectory?: string): Promise<EmbeddedPostgres> => {
    const options = { dataDirectory: join(place, 'postgres'), durable: false };
    return (server = await startEmbeddedPostgres({ ...options, ...(socketDirectory ? { socketDirectory } : {}) }));
  };
  return {
    environment: async (directory) => {
      place = join(directory, 'outside');
      return { SPUMONI_POSTGRES_URL: postgresUrl((await start()).connection) };
    },
    begin: async () => server?.stop(),
    noticed: (_, { refusals }) => refusals.length > 0,
    end: async () => {
      await start(server?.connection.host);
    },
    close: async () => server?.stop(),
  };
}

/** What takes the control plane: some by the configuration, which is good for a second, some by a query of their own. */
const ASKED: readonly (readonly [string, string, object?])[] = [
  ['GET', '/v1/'],
  ['GET', '/v1/written'],
  ['GET', objectPath('moved', 'm0')],
  ['HEAD', objectPath('moved', 'm0')],
  ['DELETE', objectPath('written', 'never-there')],
  ['PUT', '/v1/made-meanwhile', { backend: 'local' }],
  ['GET', '/admin/v1/jobs'],
  ['GET', '/admin/v1/migrations'],
  ['GET', '/admin/v1/backends'],
  ['POST', '/admin/v1/users', { name: 'ana' }],
  ['GET', '/readyz'],
];

/** Each is answered in time, be it by a 503 that says why and when to come again. Answers the statuses. */
async function askAll(client: Client): Promise<ReadonlySet<number>> {
  const answers = ASKED.map(async ([method, path, json]) => {
    const signal = AbortSignal.timeout(WITHIN_MS);
    const { status, headers } = await client.send(method, path, { signal, ...(json ? { json } : {}) });
    const isHonest = path === '/readyz' || headers.get('x-spumoni-code') === 'control-plane-unavailable';
    if (status === 503) expect({ method, path, isHonest }).toEqual({ method, path, isHonest: true });
    return status;
  });
  return new Set(await Promise.all(answers));
}

/** One that stands still, all of it: connections stay and can be made, and nothing is answered. */
function frozen(): Outage {
  const server = outside();
  let ice: FrozenPostgres | undefined;
  const thaw = (): Promise<void> => {
    ice?.thaw();
    ice = undefined;
    return Promise.resolve();
  };
  return {
    ...server,
    begin: (directory) => {
      ice = new FrozenPostgres(join(directory, 'outside', 'postgres'));
      return Promise.resolve();
    },
    meanwhile: async (client) => {
      // Begun at once, some act on a configuration that is still good.
      const atOnce = askAll(client);
      await until('no configuration is good any more', WITHIN_MS, async () => {
        const signal = AbortSignal.timeout(WITHIN_MS);
        return (await client.send('GET', objectPath('moved', 'm0'), { signal })).status === 503;
      });
      expect(await askAll(client)).toEqual(new Set([503]));
      expect([...(await atOnce)].filter((status) => status !== 200 && status !== 503)).toEqual([]);
      await client.expect(200, 'GET', '/healthz', { signal: AbortSignal.timeout(WITHIN_MS) });
    },
    end: thaw,
    after: (client) =>
      until('buckets can be made', WITHIN_MS, async () => {
        const json = { backend: 'local' };
        const signal = AbortSignal.timeout(WITHIN_MS);
        return (await client.send('PUT', '/v1/made-after', { json, signal })).status === 200;
      }),
    close: async () => {
      await thaw();
      await server.close();
    },
  };
}

describe.each([
  ['of the supervisor, killed', embedded],
  ["of the operator's, stopped and started", outside],
  ["of the operator's, frozen and thawed", frozen],
] as const)('Postgres %s under load', (_name, make) => {
  const outage = make();
  const directory = mkdtempSync(join(tmpdir(), 'spumoni-postgres-'));
  let spumoni: RunningSpumoni;
  let client: Client;
  beforeAll(async () => {
    const environment = { ...SETTINGS, ...(await outage.environment(directory)) };
    spumoni = await RunningSpumoni.start({ environment, dataDirectory: directory });
    client = spumoni.client();
    const json = { name: 'second', type: 'filesystem', options: { path: join(directory, 'second') } };
    await client.expect(201, 'POST', '/admin/v1/backends', { json });
    for (const name of ['written', 'moved'])
      await client.expect(200, 'PUT', `/v1/${name}`, { json: { name, backend: 'local' } });
    const keys = Array.from({ length: OBJECTS }, (_, at) => `m${at}`);
    await Promise.all(keys.map((key) => client.expect(200, 'PUT', objectPath('moved', key), { body: key })));
  }, 150_000);
  afterAll(async () => {
    await spumoni.interrupt();
    await outage.close();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  const stateOf = async (id: string): Promise<string | undefined> => {
    const answer = await client.send('GET', `/admin/v1/migrations/${id}`, { signal: AbortSignal.timeout(WITHIN_MS) });
    return answer.status === 200 ? (answer.json() as { state: string }).state : undefined;
  };

  it('is an honest 503 while it is away; then writes and the job under way go on, nothing restarted, nothing lost', async () => {
    const pids = [...(await spumoni.pidsOf('api')), ...(await spumoni.pidsOf('worker'))];
    const writers = new Writers(client);
    const json = { bucket: 'moved', destination: { backend: 'second' } };
    const { id } = (await client.expect(202, 'POST', '/admin/v1/migrations', { json })).json() as { id: string };
    // A machine that stands still now may find it done.
    const underWay = ['running', 'completed'];
    await until('the job is under way', WITHIN_MS, async () => underWay.includes((await stateOf(id)) ?? ''));
    await outage.begin(directory);
    await outage.meanwhile?.(client);
    await until('it is noticed', WITHIN_MS, () => Promise.resolve(outage.noticed(spumoni, writers)));
    await outage.end();
    await outage.after?.(client);
    const before = writers.acknowledged.length;
    await until('writes go on', WITHIN_MS, () => Promise.resolve(writers.acknowledged.length > before + 10));
    await writers.stop();
    for (const answer of writers.refusals) {
      expect(answer.json()).toMatchObject({ status: 503, code: 'control-plane-unavailable' });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    await until('the job is done', WITHIN_MS, async () => (await stateOf(id)) === 'completed');
    const { objects } = (await client.expect(200, 'GET', `/admin/v1/migrations/${id}`)).json() as MigrationShown;
    expect(objects).toEqual({ total: OBJECTS, done: OBJECTS, failed: 0 });
    for (const key of writers.acknowledged)
      expect((await client.expect(200, 'GET', objectPath('written', key))).text()).toBe(key);
    for (let at = 0; at < OBJECTS; at += 1)
      expect((await client.expect(200, 'GET', objectPath('moved', `m${at}`))).text()).toBe(`m${at}`);
    expect([...(await spumoni.pidsOf('api')), ...(await spumoni.pidsOf('worker'))]).toEqual(pids);
  }, 240_000);
});
