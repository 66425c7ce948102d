import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { openBackend } from '#libs/backends';
import { createMongodbIndex, type ObjectIndex } from '#libs/metadata';
import { findProgram } from '../servers/index.js';
import { rounds } from '../soak.js';
import { Client, type Answer, type RequestOptions } from '../system/client.js';
import { Production } from '../system/production/production.js';
import type { App, Program } from '../system/production/program.js';
import { until } from '../system/running-spumoni.js';
import { isInstalled } from '../system/vendor-servers.js';
import { register } from './administration.js';
import { QUICK } from './crashing-spumoni.js';
import type { Site } from './leftovers.js';
import { keepsEverythingThrough, type Killable } from './random-kills.js';

const MINUTE = 60_000;
const { runs: kills, seed } = rounds({ runs: 6, steps: 1 }, { runs: 200, steps: 1 });

/** Two processes of each kind; one that was killed is started again, as a container is. */
class Processes {
  readonly #living: Record<App, Program[]> = { api: [], worker: [] };
  #turn = 0;

  constructor(private readonly production: Production) {}

  async start(): Promise<void> {
    const start = (app: App): Promise<void> => this.#startOne(app);
    // The first makes what a first start makes.
    await start('api');
    await Promise.all([start('api'), start('worker'), start('worker')]);
  }

  /** One API after the other, of those that live; with none of them the request fails. */
  next(): Client {
    const { api } = this.#living;
    this.#turn += 1;
    const program = api[this.#turn % Math.max(1, api.length)];
    if (!program) throw new Error('no API runs');
    return this.production.client(program);
  }

  /** Those that live already serve while another takes the place of the dead. */
  async kill(app: App): Promise<void> {
    const [victim] = this.#living[app].splice(0, 1);
    await victim?.kill();
    await this.#startOne(app);
  }

  async killAll(): Promise<void> {
    const all = [...this.#living.api.splice(0), ...this.#living.worker.splice(0)];
    await Promise.all(all.map((program) => program.kill()));
    await this.start();
  }

  async untilReady(): Promise<void> {
    await Promise.all([...this.#living.api, ...this.#living.worker].map((program) => program.untilReady()));
  }

  /** Waits until every API that is there serves, and at least one is; fails with what each says and does. */
  async untilServed(): Promise<void> {
    await until('an API serves', 2 * MINUTE, async () => {
      const answers = await Promise.all(this.#living.api.map((program) => program.readiness()));
      return answers.length > 0 && answers.every(({ status }) => status === 200);
    }).catch(async (cause: unknown) => {
      const all = [...this.#living.api, ...this.#living.worker];
      throw new Error(['no API serves:', ...(await Promise.all(all.map((one) => one.told())))].join('\n'), { cause });
    });
  }

  async #startOne(app: App): Promise<void> {
    this.#living[app].push(await this.production.run(app, QUICK));
  }
}

/** As a client behind a proxy that knows which of the APIs live. */
class AnyApi extends Client {
  constructor(private readonly processes: Processes) {
    super({ url: '', accessKey: '', secretKey: '' });
  }

  override async send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.processes.next().send(method, path, options);
  }
}

describe(`two APIs and two workers on Postgres, Redis and MongoDB's protocol under load, killed ${kills} times anywhere (seed ${seed})`, () => {
  if (!isInstalled('ferretdb')) return;
  if (!findProgram('redis-server')) {
    it.skip('keep everything [skipped: redis-server is not installed]', () => undefined);
    return;
  }
  let production: Production;
  let processes: Processes;
  let client: Client;
  let sites: Site[];

  beforeAll(async () => {
    production = await Production.start();
    processes = new Processes(production);
    await processes.start();
    client = new AnyApi(processes);
    sites = [await site('first'), await site('second')];
  }, 3 * MINUTE);
  afterAll(async () => {
    await Promise.all(sites.map(({ backend }) => backend.close()));
    await production.stop();
  }, MINUTE);

  async function site(name: string): Promise<Site> {
    const options = { path: production.path(name) };
    const id = await register(client, { name, type: 'filesystem', options });
    return { id, backend: await openBackend({ name, type: 'filesystem', credentials: {}, options }) };
  }

  async function openIndex(): Promise<ObjectIndex> {
    return createMongodbIndex(await production.indexOptions());
  }

  async function outage(store: 'postgres' | 'mongodb' | 'redis'): Promise<void> {
    await production.stores[store].kill();
    await production.stores[store].restart();
  }

  it(
    'keep every acknowledged object, and leave nothing that nobody names',
    async () => {
      const killable: Killable = {
        client,
        backends: ['first', 'second'],
        victims: {
          api: () => processes.kill('api'),
          worker: () => processes.kill('worker'),
          all: () => processes.killAll(),
          postgres: () => outage('postgres'),
          mongodb: () => outage('mongodb'),
          redis: () => outage('redis'),
        },
        whenReady: () => processes.untilServed(),
        allRecovered: () => processes.untilReady(),
        openIndex,
        sites,
      };
      await keepsEverythingThrough(killable, { kills, seed });
    },
    4 * MINUTE + kills * MINUTE,
  );
});
