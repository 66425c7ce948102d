import { describe, expect, it } from '@jest/globals';
import type { Steps } from '../src/object-index/mongodb/steps.js';
import { everyInterleaving, type Bounds } from './mongodb/schedule.js';
import { bucket, containers, World, type State } from './mongodb/world.js';

/**
 * The scheme of ADR 8, every interleaving of its steps on MongoDB within the bounds: each change must look as if it had been made at one instant, as the port says, also when processes die
 * between two steps.
 */
interface Scenario {
  readonly name: string;
  readonly start: State;
  readonly tasks: Readonly<Record<string, (world: World) => Promise<unknown>>>;
}

const PLACES = containers(['a', 'b']);
const ACTIVE = bucket(1, { containers: PLACES });
const EMPTY: State = { bucket: ACTIVE, keys: {} };
const ONE_KEY: State = { bucket: ACTIVE, keys: { k: 10 } };

const put =
  (next: number, expected: number | null = null) =>
  (world: World) =>
    world.changeKey({ key: 'k', expected, next, requireActive: true, placedIn: 'b' });
const remove = (world: World) => world.changeKey({ key: 'k', expected: 10, requireActive: true });
const putFreely = (next: number, expected: number | null) => (world: World) =>
  world.changeKey({ key: 'k', expected, next });

/** As the deletion of a bucket does it: mark it, look, and remove it or open it again. */
const deleteBucket = (mark: number) => async (world: World) => {
  const read = await world.readBucket();
  if (read === undefined) return;
  const deleting = read.state === 'deleting' ? read : bucket(mark, { state: 'deleting', containers: PLACES });
  if (read !== deleting && (await world.changeBucket(read, deleting)) !== 'changed') return;
  const isEmpty = (await world.readKey('k')) === undefined;
  const now = await world.readBucket();
  if (now?.state === 'deleting')
    await world.changeBucket(now, isEmpty ? undefined : bucket(mark + 1, { containers: PLACES }));
};

/** As the end of a migration does it: close the source, look, and open it again if something lies there. */
const retire = (mark: number) => async (world: World) => {
  const retiring = bucket(mark, { containers: containers(['a'], ['b']) });
  if ((await world.changeBucket(ACTIVE, retiring)) !== 'changed') return;
  if ((await world.readKey('k')) !== undefined)
    await world.changeBucket(await world.readBucket(), bucket(mark + 1, { containers: PLACES }));
};

const look = async (world: World) => {
  const read = await world.readBucket();
  await world.readKey('k');
  return read;
};

const SCENARIOS: readonly Scenario[] = [
  { name: 'a new key and the deletion of its bucket', start: EMPTY, tasks: { put: put(20), delete: deleteBucket(2) } },
  {
    name: 'a write over a key and the deletion of its bucket',
    start: ONE_KEY,
    tasks: { put: put(20, 10), delete: deleteBucket(2) },
  },
  { name: 'a delete and the deletion of its bucket', start: ONE_KEY, tasks: { remove, delete: deleteBucket(2) } },
  { name: 'a new key and the end of a migration', start: EMPTY, tasks: { put: put(20), retire: retire(2) } },
  {
    name: 'a write over a key and the end of a migration',
    start: ONE_KEY,
    tasks: { put: put(20, 10), retire: retire(2) },
  },
  {
    name: 'a new key, the deletion of its bucket, and somebody who looks',
    start: EMPTY,
    tasks: { put: put(20), delete: deleteBucket(2), look },
  },
  {
    name: 'two writers of one key and the deletion of the bucket',
    start: EMPTY,
    tasks: { one: put(20), two: put(30), delete: deleteBucket(2) },
  },
  {
    name: 'a writer that asks, one that does not, and the deletion of the bucket',
    start: ONE_KEY,
    tasks: { asks: put(20, 10), free: putFreely(30, 10), delete: deleteBucket(2) },
  },
  {
    name: 'a new key and two deletions of its bucket',
    start: EMPTY,
    tasks: { put: put(20), one: deleteBucket(2), two: deleteBucket(4) },
  },
  {
    name: 'a new key, a deletion and the end of a migration',
    start: EMPTY,
    tasks: { put: put(20), delete: deleteBucket(2), retire: retire(4) },
  },
];

const SOUND = (steps: Steps): Steps => steps;

function tryAll(scenario: Scenario, bounds: Bounds, weaken: (steps: Steps) => Steps = SOUND): Promise<number> {
  return everyInterleaving(bounds, async (run) => {
    const world = new World(run, scenario.start, weaken);
    for (const [name, task] of Object.entries(scenario.tasks))
      await run.start(name, async () => {
        await task(world);
      });
    return () => world.assertSound();
  });
}

describe('changes of keys and buckets on MongoDB', () => {
  it.each(SCENARIOS)(
    'look as if each were made at one instant: $name',
    async (scenario) => {
      const isPair = Object.keys(scenario.tasks).length === 2;
      expect(await tryAll(scenario, { switches: isPair ? Infinity : 3, deaths: 0 })).toBeGreaterThan(100);
    },
    120_000,
  );

  it.each(SCENARIOS)(
    'do so, and let the next one go on, whoever dies on the way: $name',
    async (scenario) => {
      const isPair = Object.keys(scenario.tasks).length === 2;
      expect(await tryAll(scenario, { switches: isPair ? 3 : 2, deaths: 1 })).toBeGreaterThan(100);
    },
    120_000,
  );
});

describe('the interleavings of the index on MongoDB show it when', () => {
  const bounds = { switches: 4, deaths: 0 };
  const [newKey, overwrite] = SCENARIOS;
  const broken: readonly [string, (steps: Steps) => Steps][] = [
    [
      'no permit is looked for',
      (steps) => ({ ...steps, keys: { ...steps.keys, permitsOf: () => Promise.resolve([]) } }),
    ],
    [
      'a commit does not need its permit any more',
      (steps) => ({
        ...steps,
        keys: { ...steps.keys, put: (at, { expected }, next) => steps.keys.put(at, { expected }, next) },
      }),
    ],
    [
      'an announcement is not seen by who reads the bucket',
      (steps) => ({
        ...steps,
        buckets: {
          ...steps.buckets,
          read: async (id) => {
            const held = await steps.buckets.read(id);
            return held && { version: held.version, document: held.document };
          },
        },
      }),
    ],
  ];

  it.each(broken)('%s', async (_what, weaken) => {
    for (const scenario of [newKey, overwrite])
      if (scenario) await expect(tryAll(scenario, bounds, weaken)).rejects.toThrow(/no order explains/);
  });
});
