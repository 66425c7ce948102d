import { describe, expect, it } from '@jest/globals';
import type { TokenKind } from '#libs/backends';
import { isObjectsError } from '../src/index.js';
import {
  inOrder,
  move,
  put,
  putIfInitial,
  putInitial,
  remove,
  restamp,
  type Model,
  type Operation,
} from './simulation/operations.js';
import type { Task } from './simulation/scheduler.js';
import { contentOf, endProcess, KINDS_OF_WORLDS, leftovers, makeWorld, settle } from './simulation/world.js';

/** A process that dies at any point of a mutation, before and after a second writer's whole mutation (invariants 1 and 3). */
const first: readonly Operation[] = [put('put-a', 'alpha', 'amber'), putIfInitial, remove, move, restamp];
const second: readonly (Operation | undefined)[] = [undefined, put('put-b', 'beta', 'brown'), remove];
const cases = first.flatMap((a) =>
  second.map((b) => ({ name: `${a.name} dies${b ? `, ${b.name} follows` : ''}`, a, b })),
);

describe.each(KINDS_OF_WORLDS)(
  'a writer of $objects objects that dies, on a backend whose tokens are $tokens',
  (kind) => {
    it.each(cases)(
      '$name: nothing acknowledged is lost and nothing is left over, wherever it dies',
      async ({ a, b }) => {
        let points = 1;
        while (!(await dieAt({ ...kind, a, b, stop: points }))) points += 1;
        expect(points).toBeGreaterThan(1);
      },
    );
  },
);

interface Death {
  readonly tokens: TokenKind;
  readonly encrypted?: true;
  readonly a: Operation;
  readonly b: Operation | undefined;
  /** After how many steps it stands still for ever. */
  readonly stop: number;
}

/** True once the operation ended before it was to die. */
async function dieAt({ a, b, stop, ...kind }: Death): Promise<boolean> {
  const { tokens } = kind;
  const world = await makeWorld({ ...kind, home: 'm1', gates: true });
  await putInitial.run(world);
  const { scheduler } = world;
  const dying = scheduler.start(a.name, () => a.run(world));
  await scheduler.quiet();
  for (let step = 0; step < stop && dying.outcome === undefined; step += 1) await scheduler.step(dying);
  const died: Task | undefined = dying.outcome === undefined ? dying : undefined;
  const diedAt = dying.at ?? 'its end';
  const follower = b && scheduler.start(b.name, () => b.run(world));
  const dead = new Set(died ? [died] : []);
  for (let steps = 0; follower && follower.outcome === undefined; steps += 1) {
    if (steps > 2_000) throw new Error(`${b.name} does not end`);
    await scheduler.quiet();
    const next = scheduler.eligible(dead)[0];
    if (next) await scheduler.step(next);
  }
  const story = `${tokens}: ${a.name} died at ${diedAt}; ${scheduler.trace.join(' ')}`;
  await scheduler.quiet();
  // On a fresh-id backend only a dead process's writes may be looked for.
  endProcess(world);
  await settle(world);
  const content = await contentOf(world);
  const initial: Model = { bytes: 'first', color: 'red' };
  const acked = [died ? undefined : a, follower?.outcome?.status === 'fulfilled' ? b : undefined].filter(
    (o) => o !== undefined,
  );
  const refusal: unknown = follower?.outcome?.status === 'rejected' ? follower.outcome.reason : undefined;
  // A follower may be told to come again while a dead writer is in its way; it is never told a lie.
  if (refusal !== undefined && !(isObjectsError(refusal) && ['busy', 'outcome-unknown'].includes(refusal.code)))
    throw new Error(`${b?.name ?? 'nobody'} was refused: ${story}`, { cause: refusal });
  const unsure = [died ? a : undefined, refusal !== undefined ? b : undefined].filter((o) => o !== undefined);
  const legal = [
    ...orders(acked),
    ...unsure.flatMap((o) => orders([...acked, o])),
    ...orders([...acked, ...unsure]),
  ].flatMap((order) => inOrder(order, initial));
  const seen = JSON.stringify(content && { bytes: content.bytes, color: content.metadata['color'] });
  const allowed = legal.map((model) => JSON.stringify(model));
  if (!allowed.includes(seen)) throw new Error(`the object is ${seen}, not one of ${allowed.join(' or ')}: ${story}`);
  const left = await leftovers(world);
  if (left.length > 0) throw new Error(`left over: ${left.join('; ')}: ${story}`);
  return died === undefined;
}

function orders(operations: readonly Operation[]): (readonly Operation[])[] {
  return operations.length < 2
    ? [operations]
    : operations.flatMap((one) => orders(operations.filter((o) => o !== one)).map((rest) => [one, ...rest]));
}
