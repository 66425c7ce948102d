import { describe, expect, it } from '@jest/globals';
import { IndexError, type ChangeResult, type ObjectIndex } from '#libs/metadata';
import { isObjectsError } from '../src/index.js';
import { Faults } from './simulation/faults.js';
import { put, putInitial, type Operation } from './simulation/operations.js';
import {
  assertRecordIsTrue,
  contentOf,
  endProcess,
  leftovers,
  makeWorld,
  settle,
  type World,
  type WorldOptions,
} from './simulation/world.js';

/** Writes under fresh ids have no intent; an index that lies elsewhere may fail in the middle, or commit after its caller has died (invariants 1 to 3). */
const putA = put('put-a', 'alpha', 'amber');

function freshWorld(index: NonNullable<WorldOptions['index']>): Promise<World> {
  return makeWorld({ tokens: 'id', home: 'm1', index });
}

describe.each([
  ['on a new key', undefined],
  ['over an object', putInitial],
] as const)('a write under a fresh id %s', (_where, before: Operation | undefined) => {
  it('leaves nothing behind in a living process, at whichever call the index fails', async () => {
    for (let at = 1; ; at += 1) {
      const faults = new Faults();
      const world = await freshWorld((inner) => faults.around(inner));
      await before?.run(world);
      faults.arm({ at, of: (point) => point.startsWith('index'), lasting: false, kind: 'unavailable' });
      const told = await putA.run(world).then(
        () => 'done',
        (error: unknown) => {
          if (!(error instanceof IndexError) && !isObjectsError(error, 'outcome-unknown')) throw error;
          return 'failed';
        },
      );
      if (faults.struck === undefined) {
        expect([told, at]).toEqual(['done', at]);
        expect(at).toBeGreaterThan(3);
        return;
      }
      faults.disarm();
      // What it goes on with by itself is microtasks here.
      await new Promise((resolve) => setImmediate(resolve));
      await settle(world);
      await assertRecordIsTrue(world);
      expect({ struck: faults.struck, left: await leftovers(world) }).toEqual({ struck: faults.struck, left: [] });
    }
  });

  it('does not become visible when its commit reaches the index after its process was found dead and its bytes were taken', async () => {
    const late: (() => Promise<ChangeResult>)[] = [];
    let holds = false;
    const world = await freshWorld((inner) => ({
      ...new Faults().around(inner),
      changeKey: (address, change) => {
        if (!holds) return inner.changeKey(address, change);
        late.push(() => inner.changeKey(address, change));
        return new Promise(() => undefined);
      },
    }));
    await before?.run(world);
    holds = true;
    void putA.run(world);
    while (late.length === 0) await new Promise((resolve) => setImmediate(resolve));
    holds = false;
    const seen = await contentOf(world);
    endProcess(world);
    await examined(world);
    expect(await late[0]?.()).toBe('version-conflict');
    await settle(world);
    expect(await contentOf(world)).toEqual(seen);
    expect(await leftovers(world)).toEqual([]);
  });
});

/** The sweep of the dead, up to where the index still knows of the bytes. Later, a commit on a key that does not exist would need what the adapter keeps for it (ADR 8). */
async function examined(world: World): Promise<void> {
  const { index } = world;
  let isNamed = false;
  const stopped: ObjectIndex['changeKey'] = async (address, change) => {
    if (isNamed) throw new IndexError('unavailable', 'the sweeper stops here');
    isNamed = true;
    return index.changeKey(address, change);
  };
  const engine = { ...world.engine, index: { ...new Faults().around(index), changeKey: stopped } };
  await settle({ ...world, engine }).catch((error: unknown) => {
    if (!(error instanceof IndexError)) throw error;
  });
}
