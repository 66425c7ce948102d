import { describe, expect, it } from '@jest/globals';
import type { TokenKind } from '#libs/backends';
import { IndexError } from '#libs/metadata';
import { isObjectsError } from '../src/index.js';
import { Faults, type Plan } from './simulation/faults.js';
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
  type Operation,
} from './simulation/operations.js';
import {
  assertRecordIsTrue,
  contentOf,
  endProcess,
  KINDS_OF_WORLDS,
  leftovers,
  makeWorld,
  settle,
  type World,
} from './simulation/world.js';

/** Every call of every mutation fails once, or from then on, before its change and after it; then a second writer comes, then the sweeper (invariants 1, 3 and 5). */
const first: readonly Operation[] = [put('put-a', 'alpha', 'amber'), putIfInitial, remove, move, restamp, copyOnto];
const second: readonly (Operation | undefined)[] = [
  undefined,
  put('put-b', 'beta', 'brown'),
  put('put-initial-bytes', 'first', 'grey'),
  remove,
  move,
];
const failures: readonly { readonly name: string; readonly plan: Omit<Plan, 'at'> }[] = [
  { name: 'one backend call fails', plan: { of: isBackend, lasting: false, kind: 'unavailable' } },
  { name: 'one backend call is not answered in time', plan: { of: isBackend, lasting: false, kind: 'timeout' } },
  { name: 'a backend goes and stays away', plan: { of: isBackend, lasting: true, kind: 'unavailable' } },
  { name: 'one index call fails', plan: { of: isIndex, lasting: false, kind: 'unavailable' } },
  { name: 'the index goes and stays away', plan: { of: isIndex, lasting: true, kind: 'unavailable' } },
];

function isIndex(point: string): boolean {
  return point.startsWith('index');
}
function isBackend(point: string): boolean {
  return !isIndex(point);
}

describe.each(KINDS_OF_WORLDS)('with $objects objects on a backend whose tokens are $tokens', (kind) => {
  describe.each(failures)('when $name', ({ plan }) => {
    it.each(first.flatMap((a) => second.map((b) => ({ name: `${a.name}, then ${b?.name ?? 'nobody'}`, a, b }))))(
      '$name: nothing acknowledged is lost, nothing refused is seen, nothing is left over, whichever call it is',
      async ({ a, b }) => {
        let at = 1;
        while (await runOnce({ ...kind, a, b, plan: { ...plan, at } })) at += 1;
        expect(at).toBeGreaterThan(a === remove && plan.of('m1') ? 0 : 1);
      },
    );
  });
});

interface Run {
  readonly tokens: TokenKind;
  readonly encrypted?: true;
  readonly a: Operation;
  readonly b: Operation | undefined;
  readonly plan: Plan;
}

/** False once the operation has fewer such calls. */
async function runOnce({ a, b, plan, ...kind }: Run): Promise<boolean> {
  const faults = new Faults();
  const { tokens } = kind;
  const world = await makeWorld({
    ...kind,
    home: 'm1',
    fault: faults.atBackend,
    index: (inner) => faults.around(inner),
  });
  await putInitial.run(world);
  faults.arm(plan);
  const endA = await attempt(world, a);
  faults.disarm();
  if (faults.struck === undefined) return false;
  const endB = b && (await attempt(world, b));
  const story = `${tokens}: ${faults.struck} failed; ${a.name} ${endA.told}${b ? `, ${b.name} ${endB?.told ?? ''}` : ''}`;
  const orders = [
    ...(endA.may ? [[a], ...(b && endB?.may ? [[a, b], ...(endA.must ? [] : [[b, a]])] : [])] : []),
    ...(b && endB?.may ? [[b]] : []),
    [],
  ].filter((order) => (!endA.must || order.includes(a)) && !(b && endB?.must && !order.includes(b)));
  endProcess(world);
  await settle(world);
  const content = await contentOf(world).catch((cause: unknown) => {
    throw new Error(`the object cannot be read: ${story}`, { cause });
  });
  const seen = JSON.stringify(content && { bytes: content.bytes, color: content.metadata['color'] });
  const allowed = orders.flatMap((order) => inOrder(order, INITIAL)).map((model) => JSON.stringify(model));
  if (!allowed.includes(seen)) throw new Error(`the object is ${seen}, not one of ${allowed.join(' or ')}: ${story}`);
  await settle(world);
  await assertRecordIsTrue(world).catch((cause: unknown) => {
    throw new Error(`the record is not true: ${story}`, { cause });
  });
  const left = await leftovers(world);
  if (left.length > 0) throw new Error(`left over: ${left.join('; ')}: ${story}`);
  return true;
}

interface End {
  /** It may have happened, or may happen yet. */
  readonly may: boolean;
  /** It was acknowledged. */
  readonly must: boolean;
  readonly told: string;
}

async function attempt(world: World, operation: Operation): Promise<End> {
  try {
    await operation.run(world);
    return { may: true, must: true, told: 'was acknowledged' };
  } catch (error) {
    // A removal has no bytes to wait for: an index that fails says nothing of it. Any other refusal of a mutation is definite.
    const isOpen = isObjectsError(error, 'outcome-unknown') || (error instanceof IndexError && operation === remove);
    if (!isObjectsError(error) && !(error instanceof IndexError)) throw error;
    return { may: isOpen, must: false, told: `was told ${isObjectsError(error) ? error.code : error.kind}` };
  }
}
