import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Rounds } from '../soak.js';
import type { RunningSpumoni } from '../system/running-spumoni.js';
import * as buckets from './bucket-steps.js';
import * as changing from './changing-steps.js';
import { RawClient } from './raw-client.js';
import * as reading from './reading-steps.js';
import { ServiceModel } from './service-model.js';
import type { Home, Service, Step } from './step.js';
import { SLOTS } from './arbitraries.js';

/** The steps, those that fill the buckets more than once. */
const STEPS: readonly fc.Arbitrary<Step>[] = [
  buckets.createBucket,
  buckets.createBucket,
  buckets.deleteBucket,
  buckets.listBuckets,
  buckets.lookAtBucket,
  ...Array<fc.Arbitrary<Step>>(6).fill(changing.put),
  ...Array<fc.Arbitrary<Step>>(3).fill(changing.copyOrRename),
  changing.change,
  changing.change,
  changing.remove,
  changing.removeMany,
  changing.removeFolder,
  ...Array<fc.Arbitrary<Step>>(4).fill(reading.get),
  ...Array<fc.Arbitrary<Step>>(2).fill(reading.list),
  reading.listByPages,
];

/**
 * Does the same to the running service and to the model, so many steps in each of so many runs (on average: from none to twice as many), and compares every answer, and in the end everything that is there.
 * Answers how often each operation was answered how. A failure is shrunk, and told with the steps, and with what repeats it by `SPUMONI_TEST_SEED`, `SPUMONI_TEST_PATH` and `SPUMONI_TEST_REPLAY`.
 */
export async function tryModel(
  spumoni: RunningSpumoni,
  homes: Service['homes'],
  rounds: Rounds,
): Promise<Service['tally']> {
  const { seed, path, replayPath, runs, steps } = rounds;
  const tally: Service['tally'] = new Map();
  const client = new RawClient(spumoni.url, spumoni.client().authorization);
  let run = 0;
  const property = fc.asyncProperty(
    fc.tuple(...[0, 1].map((slot) => buckets.createBucketIn(fc.constant(slot)))),
    fc.commands([...STEPS], {
      maxCommands: 2 * steps,
      size: 'max',
      ...(replayPath === undefined ? {} : { replayPath }),
    }),
    reading.everything,
    async (beginning, chosen, everything) => {
      const prefix = `model-${(run += 1)}`;
      const service: Service = { client, homes, nameOf: (slot) => `${prefix}-${slot}`, tally };
      const model = new ServiceModel();
      const all = (function* (): Generator<Step> {
        yield* beginning;
        yield* chosen;
        yield everything;
      })();
      try {
        await fc.asyncModelRun(() => ({ model, real: service }), all);
      } finally {
        await clear(service);
      }
    },
  );
  try {
    await fc.assert(property, { numRuns: runs, seed, ...(path === undefined ? {} : { path }) });
    return tally;
  } finally {
    await client.close();
  }
}

/** What a run made goes with it, also after a failure: the next run, and the shrinking of this one, begin with nothing. */
async function clear(service: Service): Promise<void> {
  for (const slot of SLOTS) {
    const path = `/v1/${service.nameOf(slot)}`;
    for (;;) {
      const page = await service.client.send({ method: 'GET', path });
      if (page.status === 404) break;
      const keys = (page.json() as { objects: readonly { readonly key: string }[] }).objects.map(({ key }) => key);
      if (keys.length > 0)
        await service.client.send({ method: 'POST', path: `${path}?delete`, body: JSON.stringify({ keys }) });
      else await service.client.send({ method: 'DELETE', path });
    }
  }
}

/** A filesystem backend as homes are described. */
export function filesystem(name: string): Home {
  return { name, type: 'filesystem', classes: ['STANDARD'] };
}

/** Fails where an operation was hardly ever accepted: then the run showed little. */
export function expectBreadth(tally: Service['tally'], { runs, path }: Rounds): void {
  if (path !== undefined) return;
  console.log(Object.fromEntries([...tally].sort()));
  for (const accepted of ['PUT 200', 'GET 200', 'GET 206', 'POST 200', 'PATCH 200', 'DELETE 200'])
    expect([accepted, tally.get(accepted)]).toEqual([accepted, expect.any(Number)]);
  expect(tally.get('PUT 200')).toBeGreaterThan(runs);
}
