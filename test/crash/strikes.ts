import { expect } from '@jest/globals';
import type { Client } from '../system/client.js';
import { until } from '../system/running-spumoni.js';
import { createBucket, jobCompleted, startLifecycle, startMigration } from './administration.js';
import type { CrashingSpumoni } from './crashing-spumoni.js';
import { leftovers, lmdbIn, type OpenIndex, type Site } from './leftovers.js';
import { ModelledBucket, newStored } from './modelled-bucket.js';

/** The points of a write whose backend places each under a fresh id. */
export const FRESH_POINTS = ['bytes-sent', 'committed'] as const;
/** The points of a write that begins with an intent. */
export const INTENT_POINTS = ['intent-recorded', 'bytes-sent', 'before-commit', 'committed'] as const;
/** The points of the sweeper that a writer's death leads to. */
export const SWEEP_POINTS = ['intent-fenced', 'dead-bytes-settled'] as const;
const CREATION_POINTS = ['bucket-reserved', 'container-created', 'container-marked'] as const;
const DELETION_POINTS = ['garbage-deleted', 'bucket-marked-deleting', 'container-deleted'] as const;

/** Longer than the repair of a bucket waits with `QUICK`: it is the last to be sure that somebody is dead. */
const RECOVERY_MS = 180_000;

const STORE_TRIES = 3;

export interface Home {
  readonly type: string;
  readonly backend: string;
}

/** One product, one backend, and what a client was told there while its processes were killed. */
export class Strikes {
  readonly #doubtful: string[] = [];
  #made = 0;

  private constructor(
    readonly crashing: CrashingSpumoni,
    readonly client: Client,
    readonly home: Home,
    readonly bucket: ModelledBucket,
  ) {}

  /** Begins with a bucket of some objects. */
  static async begin(crashing: CrashingSpumoni, home: Home): Promise<Strikes> {
    const client = crashing.spumoni.client();
    const name = `crash-${home.backend}`;
    await createBucket(client, name, home);
    const strikes = new Strikes(crashing, client, home, new ModelledBucket(client, name));
    for (const key of ['a', 'b', 'folder/c', 'folder/ä']) await strikes.store(`kept/${key}`);
    return strikes;
  }

  /** An upload that must succeed: at once, unless the machine stood still for longer than the short times of `QUICK`, after which a writer is rightly given up. */
  async store(key: string, size = 2000): Promise<void> {
    for (let tries = 1; tries < STORE_TRIES; tries += 1)
      if ((await this.bucket.put(key, newStored(size))) === 'done') return;
    expect(await this.bucket.put(key, newStored(size))).toBe('done');
  }

  /** Put, overwrite, copy and change of metadata, each killed at this point. */
  async writesAt(point: string): Promise<void> {
    const { bucket } = this;
    const key = (what: string): string => `${what}/${point}`;
    for (const what of ['overwrite', 'change']) await this.store(key(what));
    await this.#unanswered(point, () => bucket.put(key('put'), newStored(3000)));
    await this.#unanswered(point, () => bucket.put(key('overwrite'), newStored(4000)));
    await this.#unanswered(point, () => bucket.copy('kept/a', key('copy')));
    const { metadata, tags } = newStored(0);
    await this.#unanswered(point, () => bucket.change(key('change'), { metadata, tags }));
  }

  async removal(): Promise<void> {
    await this.store('removed');
    await this.#unanswered('removal-committed', () => this.bucket.remove('removed'));
  }

  /** The API dies of a write, and then the worker of cleaning up after it. */
  async sweepAt(point: string): Promise<void> {
    const { crashing } = this;
    await crashing.freshStart('worker');
    await crashing.freshStart('api');
    const key = `swept/${point}`;
    await crashing.crash('api', 'bytes-sent', () => this.bucket.put(key, newStored(5000)));
    await crashing.crash('worker', point, () => Promise.resolve());
    await crashing.recovered('api');
    await crashing.recovered('worker');
  }

  /** Where writes replace each other only a removal leaves garbage. */
  async garbage(): Promise<void> {
    await this.store('garbage');
    await this.crashing.strike('worker', 'garbage-deleted', async () =>
      expect(await this.bucket.remove('garbage')).toBe('done'),
    );
  }

  async bucketCreations(): Promise<void> {
    for (const point of CREATION_POINTS) {
      const name = this.#doubtfulBucket();
      const json = { ...this.home, name };
      await this.crashing.strike('api', point, () => this.#lost('PUT', `/v1/${name}`, { json }));
    }
  }

  async bucketDeletions(): Promise<void> {
    for (const point of DELETION_POINTS) {
      const name = this.#doubtfulBucket();
      await this.crashing.freshStart('api');
      await createBucket(this.client, name, this.home);
      const held = new ModelledBucket(this.client, name);
      expect(await held.put('x', newStored(10))).toBe('done');
      expect(await held.remove('x')).toBe('done');
      await this.crashing.strike('api', point, () => this.#lost('DELETE', `/v1/${name}`));
    }
  }

  /** Moves the bucket there and back again, killed at one point after the other; it ends where it began. */
  async migrations(to: string, points: readonly string[]): Promise<void> {
    const rounds = points.length % 2 === 0 ? points : [...points, undefined];
    for (const [round, point] of rounds.entries()) {
      const start = (): Promise<string> =>
        startMigration(this.client, this.bucket.name, round % 2 === 0 ? to : this.home.backend);
      let id = '';
      if (point === undefined) id = await start();
      else await this.crashing.strike('worker', point, async () => (id = await start()));
      await jobCompleted(this.client, id);
    }
  }

  /** A rule that expires what lies under a prefix, and one that takes it to another backend. */
  async lifecycleRuns(to: { storageClass: string; backend: string }): Promise<void> {
    const due = { date: '2020-01-01T00:00:00.000Z' };
    const rule = (prefix: string, more: object): object => ({ id: prefix, enabled: true, filter: { prefix }, ...more });
    await this.store('expiring/1');
    this.bucket.mayExpire('expiring/1');
    await this.#run('removal-committed', [rule('expiring/', { expiration: due })]);
    await this.store('moving/1');
    await this.#run('committed', [rule('moving/', { transitions: [{ ...due, ...to }] })]);
  }

  async #run(point: string, rules: readonly object[]): Promise<void> {
    let id = '';
    await this.crashing.strike('worker', point, async () => {
      id = await startLifecycle(this.client, this.bucket.name, rules);
    });
    await jobCompleted(this.client, id);
  }

  /** Waits until nothing is left to be cleaned up, and holds everything to what the client was told. */
  async settled(sites: readonly Site[]): Promise<void> {
    await this.crashing.allRecovered();
    await cleanedUp(lmdbIn(this.crashing.spumoni.dataDirectory), sites);
    expect(await this.bucket.differences()).toEqual([]);
    for (const name of this.#doubtful) await this.#nameIsUsable(name);
  }

  async #nameIsUsable(name: string): Promise<void> {
    const { status } = await this.client.send('HEAD', `/v1/${name}`);
    if (status === 404) await createBucket(this.client, name, this.home);
    else expect(status).toBe(200);
    await this.client.expect(200, 'DELETE', `/v1/${name}`);
  }

  async #unanswered(point: string, operation: () => Promise<string>): Promise<void> {
    await this.crashing.strike('api', point, async () => expect(await operation()).toBe('unknown'));
  }

  async #lost(method: string, path: string, options: { json?: unknown } = {}): Promise<void> {
    await expect(this.client.send(method, path, options)).rejects.toThrow();
  }

  #doubtfulBucket(): string {
    this.#made += 1;
    const name = `doubtful-${this.home.backend}-${this.#made}`;
    this.#doubtful.push(name);
    return name;
  }
}

/**
 * Waits until the sweep and the repair have left nothing, as long as what is left becomes less: after many kills on slow stores that takes its time. Tells what they did leave if no more goes.
 */
export async function cleanedUp(openIndex: OpenIndex, sites: readonly Site[]): Promise<void> {
  let left: readonly string[] = [];
  const look = async (least: number): Promise<boolean> => {
    // A container may go while it is being listed; the next look tells.
    left = await leftovers(openIndex, sites).catch((error: unknown) => [`cannot be told: ${String(error)}`]);
    return left.length === 0 || amountOf(left) < least;
  };
  try {
    for (let least = Infinity; least > 0; least = amountOf(left))
      await until('more is cleaned up', RECOVERY_MS, () => look(least));
  } catch (error) {
    if (left.length === 0) throw error;
  }
  expect(left).toEqual([]);
}

function amountOf(left: readonly string[]): number {
  return left.reduce((sum, one) => sum + 1 + Number(/(\d+) pieces/.exec(one)?.[1] ?? 0), 0);
}
