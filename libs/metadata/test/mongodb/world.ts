import type { BucketDocument, KeyChange } from '#libs/metadata';
import { allowsChange } from '../../src/object-index/document-rules.js';
import { changeBucket } from '../../src/object-index/mongodb/change-bucket.js';
import { changeKey } from '../../src/object-index/mongodb/change-key.js';
import type { Steps } from '../../src/object-index/mongodb/steps.js';
import { bucketDocument, bucketId, shown } from '../object-index/documents.js';
import { isExplained, type Call } from './history.js';
import type { Run } from './schedule.js';
import { StepsInMemory } from './steps-in-memory.js';

export const BUCKET = bucketId('bucket');

/** What the calls act on, as plainly as can be. Documents are told apart by a number each: a record's size, a bucket's `createdAt`. */
export interface State {
  readonly bucket: BucketDocument | undefined;
  readonly keys: Readonly<Record<string, number>>;
}

/** A change of a key, told apart by numbers; `next` absent: the removal. */
export interface Change {
  readonly key: string;
  readonly expected: number | null;
  readonly next?: number;
  readonly requireActive?: boolean;
  readonly placedIn?: string;
}

export const bucket = (mark: number, changes: Partial<BucketDocument> = {}): BucketDocument =>
  bucketDocument(BUCKET, { createdAt: mark, ...changes });

/** Containers by name, those in the second list retiring. */
export function containers(kept: readonly string[], retiring: readonly string[] = []): BucketDocument['containers'] {
  return [
    ...kept.map((container) => ({ backend: 'b', container, marker: 'm' })),
    ...retiring.map((container) => ({ backend: 'b', container, marker: 'm', retiring: true as const })),
  ];
}

/** The calls of one run on one store, written down. */
export class World {
  readonly calls: Call<State>[] = [];
  readonly store = new StepsInMemory();
  #tick = 0;

  constructor(
    private readonly run: Run,
    private readonly start: State,
    private readonly weaken: (steps: Steps) => Steps,
  ) {
    if (start.bucket !== undefined) this.store.held.set(BUCKET, { version: this.store.next(), document: start.bucket });
    for (const [key, mark] of Object.entries(start.keys))
      this.store.entries.set(key, { version: this.store.next(), document: shown(mark) });
  }

  /** A change of a key; what it expects must be there, or have been there at the start. */
  changeKey(change: Change): Promise<string> {
    const { key, expected, next } = change;
    const asked: KeyChange = {
      expected: expected === null ? null : (this.store.entries.get(key)?.version ?? -1),
      requireActive: change.requireActive ?? false,
      ...(next === undefined ? {} : { next: shown(next) }),
      ...(change.placedIn === undefined ? {} : { placedIn: { backend: 'b', container: change.placedIn } }),
    };
    return this.#call(
      `change ${key}`,
      (steps) => changeKey(steps, { bucket: BUCKET, key }, asked),
      (state) => {
        const refusals = [
          ...((state.keys[key] ?? null) === expected ? [] : ['version-conflict']),
          ...(allowsChange(state.bucket, asked) ? [] : ['bucket-not-active']),
        ];
        if (refusals.length > 0) return { state, answers: refusals };
        const { [key]: _old, ...others } = state.keys;
        return {
          state: { ...state, keys: next === undefined ? others : { ...others, [key]: next } },
          answers: ['changed'],
        };
      },
    );
  }

  /** A change of the bucket as it was when it was last read; undefined: its removal. */
  changeBucket(read: BucketDocument | undefined, next: BucketDocument | undefined): Promise<string> {
    const held = this.store.held.get(BUCKET);
    const expected = read === undefined ? null : held?.document === read ? held.version : -1;
    return this.#call(
      `change bucket to ${next?.createdAt ?? 'none'}`,
      (steps) => changeBucket(steps, BUCKET, expected, next),
      (state) => {
        const isStale = state.bucket?.createdAt !== read?.createdAt;
        const isFull = next === undefined && state.bucket !== undefined && Object.keys(state.keys).length > 0;
        return isStale || isFull
          ? { state, answers: ['version-conflict'] }
          : { state: { ...state, bucket: next }, answers: ['changed'] };
      },
    );
  }

  async readBucket(): Promise<BucketDocument | undefined> {
    let seen: BucketDocument | undefined;
    await this.#call(
      'read bucket',
      async (steps) => String((seen = (await steps.buckets.read(BUCKET))?.document)?.createdAt),
      (state) => ({ state, answers: [String(state.bucket?.createdAt)] }),
    );
    return seen;
  }

  async readKey(key: string): Promise<number | undefined> {
    let seen: number | undefined;
    await this.#call(
      `read ${key}`,
      async (steps) => {
        await steps.keys.look({ bucket: BUCKET, key });
        return String((seen = this.store.entries.get(key)?.document?.current?.size));
      },
      (state) => ({ state, answers: [String(state.keys[key])] }),
    );
    return seen;
  }

  /** Throws unless the calls explain one another and what is there now (linearizability), and whoever comes next can go on. */
  async assertSound(): Promise<void> {
    const keys = Object.fromEntries(
      [...this.store.entries].flatMap(([key, { document }]) => (document ? [[key, document.current?.size]] : [])),
    );
    const mark = this.store.held.get(BUCKET)?.document.createdAt;
    const isEnd = (state: State): boolean =>
      state.bucket?.createdAt === mark && JSON.stringify(sorted(state.keys)) === JSON.stringify(sorted(keys));
    if (!isExplained(this.calls, this.start, isEnd)) throw new Error(`no order explains ${this.#told(keys, mark)}`);
    await this.#assertNextGoesOn();
  }

  #told(keys: object, mark: number | undefined): string {
    const calls = this.calls.map(({ what, answer }) => `${what}: ${answer ?? 'died'}`);
    return `${calls.join('; ')}; at the end bucket ${mark ?? 'none'}, keys ${JSON.stringify(keys)}`;
  }

  async #assertNextGoesOn(): Promise<void> {
    const steps = this.weaken(this.store.steps(() => Promise.resolve()));
    const held = this.store.held.get(BUCKET);
    if (held === undefined) return;
    const next = bucket(999, { state: 'deleting', containers: [] });
    const version = (): number | null => this.store.held.get(BUCKET)?.version ?? null;
    let answer = await changeBucket(steps, BUCKET, version(), next);
    // What a dead process announced may have come first.
    if (answer === 'version-conflict') answer = await changeBucket(steps, BUCKET, version(), next);
    const after = this.store.held.get(BUCKET);
    const permits = [...this.store.entries.values()].filter(({ permit }) => permit !== undefined);
    if (answer !== 'changed' || after?.announced !== undefined || permits.length > 0)
      throw new Error(`the next change of the bucket: ${answer}, permits left: ${permits.length}`);
  }

  async #call(what: string, work: (steps: Steps) => Promise<string>, apply: Call<State>['apply']): Promise<string> {
    const call: Call<State> = { what, began: Infinity, ended: undefined, answer: undefined, apply };
    const gate = async (step: string): Promise<void> => {
      await this.run.gate(step);
      if (call.began !== Infinity) return;
      call.began = this.#tick += 1;
      this.calls.push(call);
    };
    const answer = await work(this.weaken(this.store.steps(gate)));
    call.ended = this.#tick += 1;
    call.answer = answer;
    return answer;
  }
}

function sorted(keys: object): [string, unknown][] {
  return Object.entries(keys).sort(([left], [right]) => (left < right ? -1 : 1));
}
