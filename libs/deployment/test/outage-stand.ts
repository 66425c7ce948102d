import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { createBucket, openBucket, type OperationContext } from '#libs/objects';
import { isControlPlaneError, type ObjectIndex } from '#libs/metadata';
import { readSettings } from '#libs/settings';
import { openDeployment, startWork, type OpenDeployment, type WorkUnderWay } from '../src/index.js';
import { LeavingPostgres } from './leaving-postgres.js';
import { Client } from './objects.js';
import { administrator, KeptLog } from './stand.js';

const SETTINGS = {
  SPUMONI_GARBAGE_GRACE_SECONDS: '0',
  SPUMONI_HEARTBEAT_SECONDS: '0.2',
  // Longer than the outages: the run that met one is the one that tells what it did.
  SPUMONI_DEAD_AFTER_SECONDS: '60',
  SPUMONI_SWEEP_SECONDS: '0.3',
  SPUMONI_MIGRATION_PARALLEL: '1',
};
const WITHIN_MS = 120_000;

/** More than two pages of a walk, whose checkpoints come after each 64 keys. */
const WALKED = 150;
/** More than a page of a listing, after which adoptions and reconciliations save theirs. */
const LISTED = 1_030;

export const JOB_TYPES = ['migration', 'lifecycle-run', 'adopt', 'reconcile'] as const;

/** A job in whose middle a store is to go away. */
export interface Job {
  readonly client: Client;
  /** The job is held at its so-manieth change. */
  readonly heldAt: number;
  /** Objects that it counts in the end. */
  readonly objects: number;
  readonly begin: () => Promise<{ readonly id: string }>;
}

/** Asks again and again; fails when the time is over. */
async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + WITHIN_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${String(WITHIN_MS)} ms: ${what}`);
    await delay(25);
  }
}

type Committed = (key: string) => Promise<unknown> | undefined;

/** Tells of each commit that gives a key another write, once it is durable. */
function watchCommits(index: ObjectIndex, committed: Committed): void {
  const change = index.changeKey.bind(index);
  const seen = new Set<string>();
  Object.assign(index, {
    changeKey: async (...request: Parameters<typeof change>) => {
      const result = await change(...request);
      const [{ key }, { next }] = request;
      const writeId = next?.current?.placement.writeId ?? '';
      if (result !== 'changed' || writeId === '' || seen.has(`${key} ${writeId}`)) return result;
      seen.add(`${key} ${writeId}`);
      await committed(key);
      return result;
    },
  });
}

/** A deployment with its worker in this process, on a Postgres that can go away, and jobs that can be held in their middle. */
export class OutageStand {
  /** Every object that was changed since `hold`, in that order. */
  readonly changed: string[] = [];
  #work: WorkUnderWay | undefined;
  #made = 0;

  private constructor(
    readonly postgres: LeavingPostgres,
    readonly deployment: OpenDeployment,
    readonly context: OperationContext,
    private readonly hooks: { committed: Committed },
  ) {}

  static async start(more: Readonly<Record<string, string>> = {}): Promise<OutageStand> {
    const postgres = new LeavingPostgres();
    await postgres.start();
    const hooks: { committed: Committed } = { committed: () => undefined };
    const data = { SPUMONI_DATA_DIR: join(postgres.directory, 'data'), SPUMONI_POSTGRES_URL: postgres.url };
    const settings = readSettings({ ...SETTINGS, ...data, ...more });
    const deployment = await openDeployment(settings, { role: 'api', logger: new KeptLog() });
    watchCommits(deployment.engine.index, (key) => hooks.committed(key));
    const stand = new OutageStand(postgres, deployment, await administrator(deployment), hooks);
    const register = (name: string, options: object): Promise<unknown> =>
      deployment.backends.register('test', { name, type: 'filesystem', options });
    await register('second', { path: stand.#directory('second') });
    await register('disk', { path: stand.#directory('disk'), existing: true });
    stand.#work = await startWork(deployment);
    return stand;
  }

  async dispose(): Promise<void> {
    this.hooks.committed = () => undefined;
    await this.#work?.stop();
    await this.deployment.close();
    await this.postgres.dispose();
  }

  /** From now on the so-manieth change of an object waits, after its commit. `middle` resolves when it is there. */
  hold(at: number): { readonly middle: Promise<unknown>; readonly release: () => void } {
    const [middle, released] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    this.changed.length = 0;
    this.hooks.committed = (key) => {
      this.changed.push(key);
      if (this.changed.length !== at) return undefined;
      middle.resolve(undefined);
      return released.promise;
    };
    return { middle: middle.promise, release: () => released.resolve(undefined) };
  }

  /** As the control plane has it. */
  async stateOf(id: string): Promise<string> {
    return (await this.deployment.jobs.get(id)).state;
  }

  readonly jobs: Readonly<Record<(typeof JOB_TYPES)[number], () => Promise<Job>>> = {
    migration: async () => {
      const client = await this.#bucket('moving', WALKED);
      const moving = { bucket: client.name, destination: { backend: 'second' } };
      const begin = () => this.deployment.migrations.start(this.context, moving);
      return { client, begin, heldAt: WALKED - 50, objects: WALKED };
    },
    'lifecycle-run': async () => {
      const client = await this.#bucket('ruled', WALKED);
      const rules = [
        {
          id: 'move',
          enabled: true,
          filter: {},
          transitions: [{ days: 0, storageClass: 'STANDARD', backend: 'second' }],
        },
      ];
      await this.deployment.lifecycles.put(this.context, client.name, { rules });
      const begin = () => this.deployment.lifecycles.run(this.context, client.name);
      return { client, begin, heldAt: WALKED - 50, objects: WALKED };
    },
    adopt: async () => {
      const name = this.#name('adopted');
      const client = this.#clientOf(name);
      this.#putOutside(name, client, LISTED);
      const wish = { name, backend: 'disk', adopt: { container: name } };
      const begin = async () => (await this.deployment.takeovers.adopt(this.context, wish)).job;
      return { client, begin, heldAt: LISTED - 15, objects: LISTED };
    },
    reconcile: async () => {
      const name = this.#name('compared');
      const client = this.#clientOf(name);
      this.#putOutside(name, client, 1);
      const wish = { name, backend: 'disk', adopt: { container: name } };
      const { job } = await this.deployment.takeovers.adopt(this.context, wish);
      await until('the directory is taken over', async () => (await this.stateOf(job.id)) === 'completed');
      this.#putOutside(name, client, LISTED);
      const begin = () => this.deployment.takeovers.reconcile(this.context, name);
      return { client, begin, heldAt: LISTED - 15, objects: LISTED };
    },
  };

  /** Writes new keys until one is refused; what was acknowledged is believed from then on. */
  async writeUntilRefused(client: Client): Promise<void> {
    let written = 0;
    await until('the outage reaches writers', () =>
      client.put(`while away ${String((written += 1))}`, 'acknowledged').then(
        () => false,
        (error: unknown) => {
          if (!isControlPlaneError(error, 'unavailable')) throw error;
          return true;
        },
      ),
    );
  }

  /** Never failed, and never with more done than there is. */
  async untilDone(id: string): Promise<void> {
    await until('the job is done', async () => {
      const job = await this.deployment.jobs.get(id).catch((error: unknown) => {
        // The outage has just ended, and its last failures may come yet.
        if (!isControlPlaneError(error, 'unavailable')) throw error;
      });
      if (!job) return false;
      const { state, objects } = job;
      expect(['planned', 'running', 'completed']).toContain(state);
      expect(objects.done + objects.failed).toBeLessThanOrEqual(objects.total);
      return state === 'completed';
    });
  }

  /** Every object is there, listed once, was changed once by the job and counted once; nothing is left open. */
  async assertRight({ client, objects }: Job, id: string): Promise<void> {
    const { objects: counts, failures } = await this.deployment.jobs.get(id);
    expect({ failures, failed: counts.failed, left: counts.total - counts.done }).toEqual({
      failures: [],
      failed: 0,
      left: 0,
    });
    // Whether what was written meanwhile counts depends on when the job looked.
    expect(counts.done).toBeGreaterThanOrEqual(objects);
    expect(counts.done).toBeLessThanOrEqual(client.believed.size);
    const changed = this.changed.filter((key) => key.startsWith('k'));
    expect(changed.toSorted()).toEqual([...new Set(changed)].toSorted());
    expect(await client.keys()).toEqual([...client.believed.keys()].toSorted());
    expect(await client.contents()).toEqual(client.believed);
    await until('nothing is left open', async () => (await this.#openIntents(client.name)) === 0);
  }

  async #openIntents(bucket: string): Promise<number> {
    const { engine } = this.deployment;
    const { id } = await openBucket(engine, this.context, bucket);
    const documents = await engine.index.scan(id, { limit: 10_000 });
    return documents.reduce((sum, { document }) => sum + document.intents.length, 0);
  }

  #name(of: string): string {
    return `${of}-${String((this.#made += 1))}`;
  }

  #directory(...names: readonly string[]): string {
    return join(this.postgres.directory, ...names);
  }

  #clientOf(name: string): Client {
    return new Client(this.deployment, this.context, name);
  }

  async #bucket(of: string, objects: number): Promise<Client> {
    const name = this.#name(of);
    await createBucket(this.deployment.engine, this.context, { name, backend: 'local' });
    const client = this.#clientOf(name);
    for (const key of keysUpTo(objects)) await client.put(key, `text of ${key}`);
    return client;
  }

  #putOutside(container: string, client: Client, objects: number): void {
    mkdirSync(this.#directory('disk', container), { recursive: true });
    for (const key of keysUpTo(objects)) {
      writeFileSync(this.#directory('disk', container, key), `text of ${key}`);
      client.believed.set(key, `text of ${key}`);
    }
  }
}

function keysUpTo(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `k${String(n).padStart(4, '0')}`);
}
