import { describe, expect, it } from '@jest/globals';
import { TOKEN_KINDS, type TokenKind } from '#libs/backends';
import { encryptBucket, isObjectsError } from '../src/index.js';
import {
  copyOnto,
  inOrder,
  look,
  move,
  put,
  putIfAbsent,
  putIfInitial,
  putInitial,
  remove,
  restamp,
  seal,
  sweep,
  type Model,
  type Operation,
} from './simulation/operations.js';
import { Choices, type Task } from './simulation/scheduler.js';
import { assertRecordIsTrue, contentOf, leftovers, makeWorld, settle, type World } from './simulation/world.js';

/** Every interleaving of two mutations of one key over the named points, for each token kind (issue 3, acceptance 5; invariants 1 to 5). */
const putA = put('put-a', 'alpha', 'amber');
const putSameBytes = put('put-same-bytes', 'alpha', 'violet');
const pairs: readonly (readonly [Operation, Operation])[] = [
  [putA, put('put-b', 'beta', 'brown')],
  [putA, putSameBytes],
  [putA, remove],
  [putA, move],
  [putA, restamp],
  [putIfAbsent, putIfInitial],
  [putIfInitial, putIfInitial],
  [putIfInitial, putA],
  [putIfAbsent, remove],
  [putIfInitial, move],
  [remove, move],
  [remove, restamp],
  [remove, remove],
  [move, move],
  [move, restamp],
  [restamp, restamp],
  [copyOnto, putA],
  [copyOnto, move],
];

describe.each(TOKEN_KINDS)('two mutations of one key on a backend whose tokens are %s', (tokens) => {
  describe.each(['m1', 'm2'] as const)('with new writes going to %s', (home) => {
    it.each(pairs.map(([a, b]) => ({ name: `${a.name} and ${b.name}`, a, b })))(
      '$name keep the invariants in every order of their points',
      async ({ a, b }) => {
        const choices = new Choices();
        let runs = 0;
        do {
          runs += 1;
          await runOnce({ tokens, home, operations: [a, b], choices });
        } while (choices.next());
        expect(runs).toBeGreaterThan(1);
      },
    );
  });
});

/** Few of the pairs, as the protocol is the same; these make keys, carry them and wrap them anew. */
const sealedPairs: typeof pairs = [
  [putA, move],
  [copyOnto, putA],
  [move, restamp],
];

describe.each(TOKEN_KINDS)('two mutations of one sealed object on a backend whose tokens are %s', (tokens) => {
  it.each(sealedPairs.map(([a, b]) => ({ name: `${a.name} and ${b.name}`, a, b })))(
    '$name keep the invariants in every order of their points',
    async ({ a, b }) => {
      const choices = new Choices();
      do await runOnce({ tokens, home: 'm1', operations: [a, b], choices, encrypted: true });
      while (choices.next());
    },
  );
});

describe.each(TOKEN_KINDS)('sealing what lies plain on a backend whose tokens are %s, beside a mutation', (tokens) => {
  const others = [putA, putIfInitial, remove, move, restamp, copyOnto, seal];
  it.each(others.map((other) => ({ name: other.name, other })))('$name is not undone', async ({ other }) => {
    const choices = new Choices();
    do await runOnce({ tokens, home: 'm1', operations: [seal, other], choices, encryptedSince: true });
    while (choices.next());
  });

  it('neither commits nor acknowledges once a sweeper has taken its writer for dead', async () => {
    const choices = new Choices();
    do await runOnce({ tokens, home: 'm1', operations: [seal, sweep], choices, encryptedSince: true, deadAfterMs: 0 });
    while (choices.next());
  });
});

describe.each(TOKEN_KINDS)(
  'a sweeper that takes a living writer for dead, on a backend whose tokens are %s',
  (tokens) => {
    const writers = [putA, putIfInitial, remove, move, restamp];
    it.each(writers.map((writer) => ({ name: writer.name, writer })))(
      '$name neither commits nor acknowledges once fenced',
      async ({ writer }) => {
        const choices = new Choices();
        do await runOnce({ tokens, home: 'm1', operations: [writer, sweep], choices, deadAfterMs: 0 });
        while (choices.next());
      },
    );
  },
);

/** Its HEAD is a point of its own, as are all calls of the others to their backends: what stands may change right after it was looked at. */
describe.each(TOKEN_KINDS)('a look at a key whose tokens are %s, beside a mutation', (tokens) => {
  describe.each(['m1', 'm2'] as const)('with new writes going to %s', (home) => {
    const others = [putA, putIfInitial, remove, move, restamp, look];
    it.each(others.map((other) => ({ name: other.name, other })))(
      '$name is neither undone nor missed',
      async ({ other }) => {
        const choices = new Choices();
        let runs = 0;
        do {
          runs += 1;
          await runOnce({ tokens, home, operations: [look, other], choices, gates: true });
        } while (choices.next());
        expect(runs).toBeGreaterThan(1);
      },
    );
  });
});

interface Run {
  /** The backends' calls are points, too. */
  readonly gates?: boolean;
  readonly deadAfterMs?: number;
  readonly encrypted?: true;
  /** The bucket asks for sealed objects, and got its object before it did. */
  readonly encryptedSince?: true;
  readonly tokens: TokenKind;
  readonly home: 'm1' | 'm2';
  readonly operations: readonly [Operation, Operation];
  readonly choices: Choices;
}

async function runOnce(run: Run): Promise<void> {
  const world = await makeWorld({
    tokens: run.tokens,
    home: 'm1',
    ...(run.encrypted ? { encrypted: true } : {}),
    ...(run.deadAfterMs === undefined ? {} : { deadAfterMs: run.deadAfterMs }),
  });
  await putInitial.run(world);
  await switchHome(world, run.home);
  if (run.encryptedSince) await encryptBucket(world.engine, await world.bucket(), true);
  const { scheduler } = world;
  const tasks = run.operations.map((operation, i) =>
    scheduler.start(`${operation.name}#${i}`, () => operation.run(world)),
  );
  await scheduler.quiet();
  for (let steps = 0; tasks.some((task) => task.outcome === undefined); steps += 1) {
    if (steps > 3_000) throw new Error(`does not end: ${scheduler.trace.slice(-40).join(' ')}`);
    const eligible = scheduler.eligible();
    const chosen = eligible[eligible.length === 1 ? 0 : run.choices.choose(eligible.length)];
    if (!chosen) throw new Error('nobody can go on');
    await scheduler.step(chosen);
  }
  await check(world, run, tasks);
}

async function switchHome(world: World, home: 'm1' | 'm2'): Promise<void> {
  const bucket = await world.bucket();
  const found = await world.index.getBucket(bucket.id);
  await world.index.changeBucket(bucket.id, found?.version ?? null, { ...bucket, home });
}

async function check(world: World, run: Run, tasks: readonly Task[]): Promise<void> {
  const story = `${run.tokens}/${run.home}: ${world.scheduler.trace.join(' ')}; ${tasks.map((t, i) => `${String(i)}:${describeOutcome(t)}`).join(', ')}`;
  const unsure: Operation[] = [];
  const done = run.operations.filter((operation, i) => {
    const outcome = tasks[i]?.outcome;
    if (outcome?.status === 'fulfilled') return true;
    const reason: unknown = outcome?.reason;
    if (run.deadAfterMs === 0 && isObjectsError(reason, 'outcome-unknown')) {
      unsure.push(operation);
      return false;
    }
    if (!isObjectsError(reason) || !operation.mayFailWith.includes(reason.code))
      throw new Error(`${operation.name} failed: ${String(reason)} in ${story}`, { cause: reason });
    return false;
  });
  const initial: Model = { bytes: 'first', color: 'red' };
  const orders = [done, done.toReversed(), ...(unsure.length > 0 ? [[...done, ...unsure]] : [])];
  const legal = orders.flatMap((order) => inOrder(order, initial));
  await assertRecordIsTrue(world).catch((cause: unknown) => {
    throw new Error(`${String(cause)}: ${story}`, { cause });
  });
  const before = await contentOf(world);
  expectOneOf(before, legal, story);
  await settle(world);
  const after = await contentOf(world);
  if (JSON.stringify(after) !== JSON.stringify(before))
    throw new Error(
      `the sweep changed the object from ${JSON.stringify(before)} to ${JSON.stringify(after)}: ${story}`,
    );
  const left = await leftovers(world);
  if (left.length > 0) throw new Error(`left over: ${left.join('; ')}: ${story}`);
  await assertRecordIsTrue(world);
}

function describeOutcome(task: Task): string {
  if (task.outcome?.status === 'rejected')
    return isObjectsError(task.outcome.reason) ? task.outcome.reason.code : String(task.outcome.reason);
  const value = task.outcome?.value as { fate?: string } | undefined;
  return value?.fate ?? 'done';
}

function expectOneOf(content: Awaited<ReturnType<typeof contentOf>>, legal: readonly Model[], story: string): void {
  const seen = JSON.stringify(content && { bytes: content.bytes, color: content.metadata['color'] });
  const allowed = legal.map((model) => JSON.stringify(model && { bytes: model.bytes, color: model.color }));
  if (!allowed.includes(seen))
    throw new Error(`the object is ${seen}, but must be one of ${allowed.join(' or ')}: ${story}`);
}
