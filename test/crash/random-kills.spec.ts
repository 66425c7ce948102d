import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { openBackend } from '#libs/backends';
import { RunningSpumoni, until } from '../system/running-spumoni.js';
import { backendId, createBucket } from './administration.js';
import { QUICK } from './crashing-spumoni.js';
import type { Site } from './leftovers.js';
import { ModelledBucket, newStored } from './modelled-bucket.js';
import { seededRandom, type Random } from './seeded-random.js';
import { cleanedUp } from './strikes.js';

const SEED = 20261121;
const KILLS = 6;
const CLIENTS = 4;
const KEYS_OF_CLIENT = 6;
/** So many requests are answered well between one kill and the next. */
const DONE_BETWEEN_KILLS = 25;
const SIZES = [0, 1, 1000, 70_000, 300_000];
const MINUTE = 60_000;

type Victim = 'api' | 'worker' | 'all';

/** A client that changes its own keys, one after the other, without an end. */
class LoadClient {
  done = 0;
  #stopped = false;

  constructor(
    private readonly bucket: ModelledBucket,
    private readonly name: string,
    private readonly random: Random,
    private readonly whenReady: () => Promise<void>,
  ) {}

  async run(): Promise<void> {
    while (!this.#stopped) {
      const fate = await this.#change();
      if (fate === 'done') this.done += 1;
      if (fate === 'unknown') await this.whenReady();
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #key(): string {
    return `${this.name}/${this.random.below(KEYS_OF_CLIENT)}`;
  }

  #change(): Promise<string> {
    const key = this.#key();
    const certain = this.bucket.settled.filter((one) => one.startsWith(`${this.name}/`));
    const source = certain[this.random.below(Math.max(1, certain.length))];
    const dice = this.random.below(10);
    if (source !== undefined && dice === 0) return this.bucket.copy(source, key);
    if (source !== undefined && dice === 1) return this.bucket.change(source, newStored(0));
    if (dice === 2) return this.bucket.remove(key);
    return this.bucket.put(key, newStored(SIZES[this.random.below(SIZES.length)] ?? 0));
  }
}

describe(`the product under load, killed ${KILLS} times anywhere (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  let spumoni: RunningSpumoni;
  let bucket: ModelledBucket;
  let sites: Site[];

  beforeAll(async () => {
    spumoni = await RunningSpumoni.start({ environment: QUICK });
    const client = spumoni.client();
    await createBucket(client, 'random', { type: 'filesystem', backend: 'local' });
    bucket = new ModelledBucket(client, 'random');
    const options = { path: join(spumoni.dataDirectory, 'objects') };
    const backend = await openBackend({ name: 'local', type: 'filesystem', credentials: {}, options });
    sites = [{ id: await backendId(client, 'local'), backend }];
  }, 2 * MINUTE);
  afterAll(async () => {
    await Promise.all(sites.map(({ backend }) => backend.close()));
    await spumoni.stop();
  }, MINUTE);

  /** Also while there is no supervisor. */
  function ready(): Promise<void> {
    return until('it serves again', MINUTE, async () => {
      const answer = await fetch(`${spumoni.url}/readyz`).catch(() => undefined);
      await answer?.arrayBuffer();
      return answer?.ok === true;
    });
  }

  async function killSomething(what: Victim): Promise<void> {
    if (what === 'all') {
      await spumoni.kill();
      await spumoni.launch();
      return;
    }
    const [pid] = await spumoni.pidsOf(what);
    if (pid === undefined) throw new Error(`no ${what} runs`);
    process.kill(pid, 'SIGKILL');
  }

  it(
    'keeps every acknowledged object, and leaves nothing that nobody names',
    async () => {
      const clients = Array.from({ length: CLIENTS }, (_, n) => new LoadClient(bucket, `client-${n}`, random, ready));
      const running = Promise.all(clients.map((client) => client.run()));
      const done = (): number => clients.reduce((sum, client) => sum + client.done, 0);
      try {
        // Each kind at least once, the rest and the order by the seed.
        const kinds = random.shuffled<Victim>([
          'api',
          'api',
          'api',
          'worker',
          'all',
          random.below(2) === 0 ? 'worker' : 'all',
        ]);
        for (const what of kinds) {
          const enough = done() + DONE_BETWEEN_KILLS + random.below(DONE_BETWEEN_KILLS);
          await Promise.race([running, until('the load goes on', MINUTE, () => Promise.resolve(done() >= enough))]);
          await killSomething(what);
        }
        await spumoni.untilReady();
      } finally {
        for (const client of clients) client.stop();
      }
      await running;
      await spumoni.untilReady();
      await cleanedUp(spumoni.dataDirectory, sites);
      expect(await bucket.differences()).toEqual([]);
    },
    4 * MINUTE,
  );
});
