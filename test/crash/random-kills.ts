import { expect } from '@jest/globals';
import type { Client } from '../system/client.js';
import { until } from '../system/running-spumoni.js';
import { createBucket } from './administration.js';
import type { OpenIndex, Site } from './leftovers.js';
import { ModelledBucket } from './modelled-bucket.js';
import { EXPIRING, LifecycleRunner, LoadClient, Mover, MOVING, type WhenReady } from './random-load.js';
import { seededRandom } from './seeded-random.js';
import { cleanedUp } from './strikes.js';

/** So many requests are answered well between one kill and the next, and up to twice as many. */
const DONE_BETWEEN_KILLS = 25;
const LOAD_MS = 120_000;
const CLIENTS = 4;

/** A product of which any part can be killed at any time, with two backends. */
export interface Killable {
  /** Its requests go to an API that serves, while there is one. */
  readonly client: Client;
  readonly backends: readonly [string, string];
  /** What can be killed, by name: `kill -9`, and whatever its keeper does to bring it back. */
  readonly victims: Readonly<Record<string, () => Promise<void>>>;
  readonly whenReady: WhenReady;
  /** Resolves when everything runs again. */
  allRecovered(): Promise<void>;
  readonly openIndex: OpenIndex;
  readonly sites: readonly Site[];
}

/** What was done to it, for the reader of a run. */
export interface KillsTold {
  readonly seed: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly answers: Readonly<Record<string, number>>;
  readonly migrations: number;
  readonly lifecycleRuns: number;
}

/**
 * Clients write to two buckets, one of which migrates back and forth while rules run over the other, and all the while something is killed: each victim at least once, the rest and the order by the seed.
 * Then nothing acknowledged may be lost, torn or listed wrongly, and after the sweep no intent, no garbage and nothing at a backend that no record names may be left.
 */
export async function keepsEverythingThrough(
  killable: Killable,
  { kills, seed }: { readonly kills: number; readonly seed: number },
): Promise<KillsTold> {
  const load = await Load.on(killable, seed);
  const order = orderOf(Object.keys(killable.victims), kills, seed);
  const running = load.run();
  try {
    const random = seededRandom(seed);
    for (const name of order) {
      if (load.hasFailed) break;
      const enough = load.done + DONE_BETWEEN_KILLS + random.below(DONE_BETWEEN_KILLS);
      await load.until('the load goes on', () => load.done >= enough);
      await killable.victims[name]?.();
    }
    await killable.allRecovered();
    // What was interrupted must also come to its end, not only stop.
    await load.until('each came to its end', () => load.eachWorked);
  } finally {
    load.stop();
    await running;
  }
  const told = { seed, kills: counted(order), ...load.told };
  console.log(JSON.stringify(told));
  await cleanedUp(killable.openIndex, killable.sites);
  for (const bucket of load.buckets) expect(await bucket.differences()).toEqual([]);
  return told;
}

/** Everything that goes on while processes die. */
class Load {
  #failure: Error | undefined;

  private constructor(
    readonly buckets: readonly ModelledBucket[],
    private readonly clients: readonly LoadClient[],
    private readonly mover: Mover,
    private readonly rules: LifecycleRunner,
  ) {}

  static async on({ client, backends, whenReady }: Killable, seed: number): Promise<Load> {
    const [home, other] = backends;
    for (const name of ['moved', 'ruled']) await createBucket(client, name, { type: 'filesystem', backend: home });
    const [moved, ruled] = [new ModelledBucket(client, 'moved'), new ModelledBucket(client, 'ruled')];
    const clients = Array.from({ length: CLIENTS }, (_, n) => {
      const isRuled = n % 2 === 1;
      const folders = isRuled ? ['kept/', EXPIRING, MOVING] : [''];
      return new LoadClient(isRuled ? ruled : moved, { name: `client-${n}`, seed: seed + n, folders, whenReady });
    });
    const rules = new LifecycleRunner(client, 'ruled', whenReady);
    await rules.begin(other);
    return new Load([moved, ruled], clients, new Mover(client, 'moved', { backends, whenReady }), rules);
  }

  get done(): number {
    return this.clients.reduce((sum, client) => sum + client.done, 0);
  }

  get told(): Pick<KillsTold, 'answers' | 'migrations' | 'lifecycleRuns'> {
    const answers: Record<string, number> = {};
    for (const { fates } of this.clients)
      for (const [fate, count] of Object.entries(fates)) answers[fate] = (answers[fate] ?? 0) + count;
    return { answers, migrations: this.mover.done, lifecycleRuns: this.rules.done };
  }

  /** Fails with the first failure, when all have ended. */
  async run(): Promise<void> {
    const giveUp = (failure: unknown): void => {
      this.#failure ??= failure instanceof Error ? failure : new Error(String(failure));
      for (const one of this.#all) one.giveUp();
    };
    await Promise.all(this.#all.map((one) => one.run().catch(giveUp)));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits, but not after a failure: `run` tells that. */
  until(what: string, holds: () => boolean): Promise<void> {
    return until(what, LOAD_MS, () => Promise.resolve(this.#failure !== undefined || holds()));
  }

  stop(): void {
    for (const one of this.#all) one.stop();
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  get eachWorked(): boolean {
    return this.#all.every(({ done }) => done > 0);
  }

  get #all(): readonly (LoadClient | Mover | LifecycleRunner)[] {
    return [...this.clients, this.mover, this.rules];
  }
}

function orderOf(victims: readonly string[], kills: number, seed: number): string[] {
  const random = seededRandom(seed);
  const more = Math.max(0, kills - victims.length);
  const chosen = Array.from({ length: more }, () => victims[random.below(victims.length)] ?? '');
  return random.shuffled([...victims, ...chosen]);
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
