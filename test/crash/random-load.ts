import type { Client } from '../system/client.js';
import { until } from '../system/running-spumoni.js';
import { newStored, type Fate, type ModelledBucket } from './modelled-bucket.js';
import { seededRandom, type Random } from './seeded-random.js';

const SIZES = [0, 1, 1000, 70_000, 300_000];
const KEYS_OF_CLIENT = 3;
const JOB_MS = 300_000;
const LONG_AGO = { date: '2020-01-01T00:00:00.000Z' };

/** Waits until the product serves again, however it was killed. */
export type WhenReady = () => Promise<void>;

/** Something that goes on by itself until it is told to stop, or another failed. */
abstract class Worked {
  /** How often it got done what it does. */
  done = 0;
  #stopped = false;
  #given: Error | undefined;

  async run(): Promise<void> {
    while (!this.#stopped) await this.turn();
  }

  /** Ends it as soon as it waits for anything. */
  giveUp(): void {
    this.#stopped = true;
    this.#given = new Error('another failed');
  }

  protected wait(what: string, holds: () => Promise<boolean>): Promise<void> {
    return until(what, JOB_MS, () => {
      if (this.#given) throw this.#given;
      return holds();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  protected abstract turn(): Promise<void>;
}

/** A client that changes its own keys, one after the other. */
export class LoadClient extends Worked {
  readonly fates: Record<Fate, number> = { done: 0, refused: 0, unknown: 0 };
  readonly #random: Random;

  constructor(
    private readonly bucket: ModelledBucket,
    private readonly options: {
      readonly name: string;
      readonly seed: number;
      readonly folders: readonly string[];
      readonly whenReady: WhenReady;
    },
  ) {
    super();
    this.#random = seededRandom(options.seed);
  }

  protected async turn(): Promise<void> {
    const fate = await this.#change();
    this.fates[fate] += 1;
    this.done = this.fates.done;
    if (fate === 'unknown') await this.options.whenReady();
  }

  async #change(): Promise<Fate> {
    const { name, folders } = this.options;
    const folder = folders[this.#random.below(folders.length)] ?? '';
    const key = `${folder}${name}/${this.#random.below(KEYS_OF_CLIENT)}`;
    const fate = await this.#changeOf(key);
    if (folder === EXPIRING) this.bucket.mayExpire(key);
    return fate;
  }

  #changeOf(key: string): Promise<Fate> {
    const certain = this.bucket.settled.filter((one) => one.includes(`${this.options.name}/`));
    const source = certain[this.#random.below(Math.max(1, certain.length))];
    const dice = this.#random.below(10);
    if (source !== undefined && dice === 0) return this.bucket.copy(source, key);
    if (source !== undefined && dice === 1) return this.bucket.change(source, newStored(0));
    if (dice === 2) return this.bucket.remove(key);
    return this.bucket.put(key, newStored(SIZES[this.#random.below(SIZES.length)] ?? 0));
  }
}

interface Job {
  readonly id: string;
  readonly state: string;
  readonly failures?: readonly { readonly reason: string }[];
}

/** True for a job that met nothing worse than a disk slower than the short deadline of `QUICK`: it says so, and the next one tries again. */
function wasOnlyLate({ state, failures = [] }: Job): boolean {
  return (
    state === 'failed' &&
    failures.length > 0 &&
    failures.every(({ reason }) => /did not answer|no (answer|progress) within/.test(reason))
  );
}

/** Starts one job after another, each once the one before has ended, and fails at the first that failed for another reason than time. */
abstract class JobAfterJob extends Worked {
  constructor(
    protected readonly client: Client,
    protected readonly bucket: string,
    private readonly whenReady: WhenReady,
  ) {
    super();
  }

  protected async turn(): Promise<void> {
    const id = await this.#started();
    let last = '';
    await this.wait(`the ${this.path} job ${id} ends`, async () => {
      last = (await this.#answered('GET', `/admin/v1/jobs/${id}`)) ?? '';
      return ['completed', 'failed', 'cancelled'].includes((JSON.parse(last === '' ? '{}' : last) as Job).state);
    });
    const ended = JSON.parse(last) as Job;
    if (ended.state === 'completed') this.done += 1;
    else if (!wasOnlyLate(ended)) throw new Error(`a job ended otherwise: ${last}`);
  }

  /** Where its jobs are started and listed. */
  protected abstract readonly path: string;
  protected abstract body(): object | undefined;

  /** The answer may be lost: then the newest job tells whether one was started. */
  async #started(): Promise<string> {
    const before = await this.#newest();
    let id: string | undefined;
    await this.wait(`a job of ${this.path} starts`, async () => {
      const json = this.body();
      const text = await this.#answered('POST', this.path, json === undefined ? {} : { json });
      const newest = text === undefined ? await this.#newest() : (JSON.parse(text) as Job).id;
      if (newest !== before) id = newest;
      return id !== undefined;
    });
    return id ?? '';
  }

  async #newest(): Promise<string | undefined> {
    let text: string | undefined;
    await this.wait(`the jobs of ${this.path} are listed`, async () => {
      text = await this.#answered('GET', `${this.path}?limit=1`);
      return text !== undefined;
    });
    return (JSON.parse(text ?? '{"items":[]}') as { items: Job[] }).items[0]?.id;
  }

  /** Undefined where there was none that says anything, because of a kill. */
  async #answered(method: string, path: string, options: { json?: object } = {}): Promise<string | undefined> {
    const answer = await this.client.send(method, path, options).catch(() => undefined);
    if (answer !== undefined && answer.status < 300) return answer.text();
    if (answer !== undefined && answer.status < 500 && answer.status !== 409)
      throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text()}`);
    await this.whenReady();
    return undefined;
  }
}

/** Moves a bucket from one backend to the other and back. */
export class Mover extends JobAfterJob {
  protected readonly path = '/admin/v1/migrations';

  constructor(
    client: Client,
    bucket: string,
    private readonly options: { readonly backends: readonly [string, string]; readonly whenReady: WhenReady },
  ) {
    super(client, bucket, options.whenReady);
  }

  protected body(): object {
    return { bucket: this.bucket, destination: { backend: this.options.backends[this.done % 2 === 0 ? 1 : 0] } };
  }
}

/** Objects under it a rule removes. */
export const EXPIRING = 'expiring/';
/** Objects under it a rule takes to another backend. */
export const MOVING = 'moving/';

/** Runs a bucket's lifecycle over and over: it expires what lies under one prefix and takes what lies under another to another backend. */
export class LifecycleRunner extends JobAfterJob {
  protected get path(): string {
    return `/admin/v1/buckets/${this.bucket}/lifecycle/runs`;
  }

  /** Puts the rules, before anything is killed. */
  async begin(backend: string): Promise<void> {
    const transitions = [{ ...LONG_AGO, storageClass: 'STANDARD', backend }];
    const rules = [
      { id: 'expire', enabled: true, filter: { prefix: EXPIRING }, expiration: LONG_AGO },
      { id: 'move', enabled: true, filter: { prefix: MOVING }, transitions },
    ];
    await this.client.expect(200, 'PUT', `/admin/v1/buckets/${this.bucket}/lifecycle`, { json: { rules } });
  }

  protected body(): undefined {
    return undefined;
  }
}
