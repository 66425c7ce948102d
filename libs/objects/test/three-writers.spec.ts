import { describe, expect, it } from '@jest/globals';
import { TOKEN_KINDS, type TokenKind } from '#libs/backends';
import { isObjectsError } from '../src/index.js';
import { seeded } from './simulation/clients.js';
import {
  copyOnto,
  INITIAL,
  inOrder,
  move,
  put,
  putIfInitial,
  putInitial,
  remove,
  restamp,
  sweep,
  type Operation,
} from './simulation/operations.js';
import { Scheduler, type Task } from './simulation/scheduler.js';
import { assertRecordIsTrue, contentOf, endProcess, leftovers, makeWorld, settle } from './simulation/world.js';

/** Three or four mutations of one key in an order that a seed decides, of which one may die on the way, beside a sweeper (invariants 1, 3 and 5). */
const SEEDS = 400;
const pool: readonly Operation[] = [
  put('put-a', 'alpha', 'amber'),
  put('put-b', 'beta', 'brown'),
  put('put-initial-bytes', 'first', 'grey'),
  putIfInitial,
  remove,
  move,
  restamp,
  copyOnto,
];

describe.each(TOKEN_KINDS)('several mutations of one key on a backend whose tokens are %s', (tokens) => {
  it(`keep the invariants in ${SEEDS} orders, also when one of them dies`, async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) await runOnce(tokens, seed);
    expect.hasAssertions();
  });
});

async function runOnce(tokens: TokenKind, seed: number): Promise<void> {
  const random = seeded(seed);
  const world = await makeWorld({ tokens, home: 'm1', gates: true });
  await putInitial.run(world);
  const { scheduler } = world;
  const operations = Array.from({ length: 3 + (seed % 2) }, () => pool[Math.floor(random() * pool.length)] ?? remove);
  const tasks = operations.map((operation, i) => scheduler.start(`${operation.name}#${i}`, () => operation.run(world)));
  const sweeper = scheduler.start('sweep', () => sweep.run(world));
  await scheduler.quiet();
  const killAt = seed % 3 === 0 ? Math.floor(random() * 30) : -1;
  const dead = await drive(scheduler, { tasks: [...tasks, sweeper], random, killAt, mortal: tasks[0] });
  endProcess(world);
  const story = `seed ${seed}, ${tokens}: ${scheduler.trace.join(' ')}; ${tasks.map(told).join(', ')}`;
  const acked = operations.filter((_, i) => tasks[i]?.outcome?.status === 'fulfilled');
  const unsure = operations.filter((_, i) => {
    const outcome = tasks[i]?.outcome;
    return (
      outcome === undefined || (outcome.status === 'rejected' && isObjectsError(outcome.reason, 'outcome-unknown'))
    );
  });
  for (const task of tasks) {
    const reason: unknown = task.outcome?.status === 'rejected' ? task.outcome.reason : undefined;
    if (reason !== undefined && !isObjectsError(reason)) throw new Error(story, { cause: reason });
  }
  await settle(world);
  const content = await contentOf(world).catch((cause: unknown) => {
    throw new Error(`the object cannot be read: ${story}`, { cause });
  });
  const seen = JSON.stringify(content && { bytes: content.bytes, color: content.metadata['color'] });
  const legal = subsets(unsure).flatMap((some) =>
    permutations([...acked, ...some]).flatMap((o) => inOrder(o, INITIAL)),
  );
  if (!legal.some((model) => JSON.stringify(model) === seen))
    throw new Error(`the object is ${seen}, which no order gives: ${story}`);
  await settle(world);
  await assertRecordIsTrue(world);
  const left = await leftovers(world);
  if (left.length > 0) throw new Error(`left over: ${left.join('; ')}: ${story}`);
  expect(dead.size).toBeLessThan(2);
}

interface Drive {
  readonly tasks: readonly Task[];
  readonly random: () => number;
  readonly killAt: number;
  readonly mortal: Task | undefined;
}

async function drive(scheduler: Scheduler, how: Drive): Promise<ReadonlySet<Task>> {
  const dead = new Set<Task>();
  for (let steps = 0; how.tasks.some((task) => task.outcome === undefined && !dead.has(task)); steps += 1) {
    if (steps > 20_000) throw new Error(`does not end: ${scheduler.trace.slice(-40).join(' ')}`);
    if (steps === how.killAt && how.mortal && how.mortal.outcome === undefined) dead.add(how.mortal);
    const eligible = scheduler.eligible(dead);
    const chosen = eligible[Math.floor(how.random() * eligible.length)];
    if (chosen) await scheduler.step(chosen);
  }
  return dead;
}

function told({ outcome }: Task, i: number): string {
  if (outcome === undefined) return `${i} died`;
  if (outcome.status === 'fulfilled') return `${i} was acknowledged`;
  return `${i} was told ${isObjectsError(outcome.reason) ? outcome.reason.code : String(outcome.reason)}`;
}

function subsets<T>(items: readonly T[]): T[][] {
  const [first, ...rest] = items;
  if (first === undefined) return [[]];
  return subsets(rest).flatMap((some) => [some, [first, ...some]]);
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}
