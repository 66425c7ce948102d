import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBackend } from '#libs/backends';
import { rounds } from '../soak.js';
import { RunningSpumoni, until } from '../system/running-spumoni.js';
import { backendId, register } from './administration.js';
import { QUICK } from './crashing-spumoni.js';
import { lmdbIn, type Site } from './leftovers.js';
import { keepsEverythingThrough, type Killable } from './random-kills.js';

const MINUTE = 60_000;
/** An answer that takes longer is as good as none. */
const PROBE_MS = 10_000;
const { runs: kills, seed } = rounds({ runs: 10, steps: 1 }, { runs: 200, steps: 1 });

describe(`the product under load, killed ${kills} times anywhere (seed ${seed})`, () => {
  let spumoni: RunningSpumoni;
  let sites: Site[];

  beforeAll(async () => {
    spumoni = await RunningSpumoni.start({ environment: QUICK });
    const client = spumoni.client();
    const second = { type: 'filesystem', options: { path: join(spumoni.dataDirectory, 'second') } };
    await register(client, { name: 'second', ...second });
    sites = await Promise.all([site('local', 'objects'), site('second', 'second')]);
  }, 2 * MINUTE);
  afterAll(async () => {
    await Promise.all(sites.map(({ backend }) => backend.close()));
    await spumoni.stop();
  }, MINUTE);

  async function site(name: string, directory: string): Promise<Site> {
    const options = { path: join(spumoni.dataDirectory, directory) };
    const backend = await openBackend({ name, type: 'filesystem', credentials: {}, options });
    return { id: await backendId(spumoni.client(), name), backend };
  }

  /** Also while there is no supervisor. */
  function whenReady(): Promise<void> {
    return until('it serves again', 2 * MINUTE, async () => {
      const signal = AbortSignal.timeout(PROBE_MS);
      const answer = await fetch(`${spumoni.url}/readyz`, { signal }).catch(() => undefined);
      await answer?.arrayBuffer().catch(() => undefined);
      return answer?.ok === true;
    });
  }

  /** The supervisor starts it again. */
  async function killOne(app: 'api' | 'worker'): Promise<void> {
    let pid: number | undefined;
    await until(`a ${app} runs`, MINUTE, async () => {
      [pid] = await spumoni.pidsOf(app);
      return pid !== undefined;
    });
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }

  async function postgresPid(): Promise<number> {
    const file = await readFile(join(spumoni.dataDirectory, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '');
    return Number(file.split('\n')[0]);
  }

  /** The supervisor starts it again. */
  async function killPostgres(): Promise<void> {
    let killed = 0;
    // Zero while there is none; to signal that would be to signal this process and its like.
    await until('Postgres runs', 2 * MINUTE, async () => (killed = await postgresPid()) > 0);
    process.kill(killed, 'SIGKILL');
    await until('Postgres is back', 2 * MINUTE, async () => ![0, killed].includes(await postgresPid()));
    await whenReady();
  }

  async function killAll(): Promise<void> {
    await spumoni.kill();
    await spumoni.launch();
  }

  it(
    'keeps every acknowledged object, and leaves nothing that nobody names',
    async () => {
      const killable: Killable = {
        client: spumoni.client(),
        backends: ['local', 'second'],
        victims: { api: () => killOne('api'), worker: () => killOne('worker'), postgres: killPostgres, all: killAll },
        whenReady,
        allRecovered: () => until('a worker runs', MINUTE, async () => (await spumoni.pidsOf('worker')).length > 0),
        openIndex: lmdbIn(spumoni.dataDirectory),
        sites,
      };
      await keepsEverythingThrough(killable, { kills, seed });
    },
    4 * MINUTE + kills * MINUTE,
  );
});
