import { expect } from '@jest/globals';
import type { Client } from '../client.js';
import { until } from '../running-spumoni.js';
import { Seeded } from '../seeded.js';
import { Model } from './model.js';
import { ObjectClient } from './object-client.js';
import { Busy, checkAll, fill, type Extent } from './workload.js';

/** What a migration's answer has that is looked at here. */
interface Migration {
  readonly id: string;
  readonly state: string;
  readonly objects: { readonly total: number; readonly done: number; readonly failed: number };
  readonly failures: readonly unknown[];
  readonly error?: string;
  readonly sourceCleanup: string;
}

interface BucketView {
  readonly locationconstraint: string;
  readonly containers: readonly { readonly backend: string; readonly container: string }[];
}

const LEG_MS = 400_000;
const CLEAN_UP_MS = 120_000;

/** A bucket on its way from backend to backend, with its client's model. */
export class Journey {
  readonly model = new Model();
  readonly objects: ObjectClient;
  readonly random: Seeded;

  constructor(
    private readonly client: Client,
    private readonly bucket: string,
    seed: number,
  ) {
    this.random = new Seeded(seed);
    this.objects = new ObjectClient(client, bucket, this.model);
  }

  async begin(on: { type: string; backend: string }, extent: Extent): Promise<void> {
    await this.client.expect(200, 'PUT', `/v1/${this.bucket}`, { json: { ...on, name: this.bucket } });
    await fill(this.objects, this.random, extent);
    expect(await checkAll(this.objects, this.model)).toBe(extent.objects);
  }

  /** Where the bucket's bytes lie. */
  async containers(): Promise<BucketView['containers']> {
    return (await this.#view()).containers;
  }

  /**
   * One leg: migrates while a client is busy, then reads all back and waits until the source has nothing of the bucket any more. Answers how much the client did meanwhile, and how many
   * objects were moved.
   */
  async leg(to: string): Promise<{ operations: number; moved: number }> {
    const json = { bucket: this.bucket, destination: { backend: to } };
    const busy = new Busy(this.objects, this.model, this.random);
    let ended: Migration;
    try {
      const begun = (await this.client.expect(202, 'POST', '/admin/v1/migrations', { json })).json() as Migration;
      ended = await this.#settled(begun.id);
    } finally {
      await busy.stop();
    }
    expect(ended).toMatchObject({ state: 'completed', failures: [], objects: { failed: 0 } });
    expect((await this.#view()).locationconstraint).toBe(to);
    await checkAll(this.objects, this.model);
    await until(`the source of the leg to ${to} is gone`, CLEAN_UP_MS, async () => {
      const { containers } = await this.#view();
      return containers.length === 1 && (await this.#migration(ended.id)).sourceCleanup === 'done';
    });
    return { operations: busy.operations, moved: ended.objects.done };
  }

  async #settled(id: string): Promise<Migration> {
    let migration = await this.#migration(id);
    await until(`migration ${id} ends`, LEG_MS, async () => {
      migration = await this.#migration(id);
      return !['planned', 'running', 'paused'].includes(migration.state);
    }).catch((cause: unknown) => {
      throw new Error(`the migration stands at ${JSON.stringify(migration)}`, { cause });
    });
    return migration;
  }

  async #migration(id: string): Promise<Migration> {
    return (await this.client.expect(200, 'GET', `/admin/v1/migrations/${id}`)).json() as Migration;
  }

  async #view(): Promise<BucketView> {
    return (await this.client.expect(200, 'GET', `/v1/${this.bucket}?info`)).json() as BucketView;
  }
}
