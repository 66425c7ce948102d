import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { INTENT_KINDS, type ObjectIndex } from '#libs/metadata';
import * as objects from '../src/index.js';
import { isObjectsError } from '../src/index.js';
import { COLDER, ENUMERATED, modelBefore, type Enumerated } from './simulation/enumerated-operations.js';
import {
  canSuffer,
  FAULT_KINDS,
  FaultyBackends,
  named,
  type FaultKind,
  type Position,
} from './simulation/faulty-backends.js';
import { inOrder, put, putInitial, type Operation } from './simulation/operations.js';
import {
  assertRecordIsTrue,
  contentOf,
  endProcess,
  KEY,
  KINDS_OF_WORLDS,
  leftovers,
  makeWorld,
  settle,
  type World,
  type WorldOptions,
} from './simulation/world.js';

/**
 * Every vendor call of every mutation fails, hangs, answers late, answers only when another writer has come and gone, is cut in mid-body, or succeeds with its answer lost: on each token kind and on backends without
 * tokens (`weak`), with plain and sealed objects, by the port as the product calls it, once with retries and once without (invariants 1 to 5). What there is to try is read off a run without faults, and
 * the last test of each world fails if anything of that was not tried.
 */
const rival = put('rival', 'rival', 'brown');
const kinds = KINDS_OF_WORLDS.flatMap((kind) => [
  { ...kind, triedAgain: false, calls: 'are made once' },
  { ...kind, triedAgain: true, calls: 'are tried again' },
]);
type Kind = Pick<WorldOptions, 'tokens' | 'encrypted'> & { readonly triedAgain: boolean };

describe.each(kinds)('$objects objects on backends whose tokens are $tokens and whose calls $calls', (kind) => {
  const tried = new Set<string>();

  it.each(ENUMERATED.map((enumerated) => ({ name: enumerated.operation.name, enumerated })))(
    '$name keeps the invariants, whatever goes wrong with whichever of its vendor calls',
    async ({ enumerated }) => {
      for (const position of await positionsOf(kind, enumerated))
        for (const fault of FAULT_KINDS)
          if (canSuffer(position, fault)) {
            await suffer(kind, enumerated, { position, fault });
            tried.add(caseOf(enumerated, position, fault));
          }
    },
  );

  it('and every fault of every one of them was tried', async () => {
    const due: string[] = [];
    for (const enumerated of ENUMERATED)
      for (const position of await positionsOf(kind, enumerated))
        due.push(...FAULT_KINDS.filter((f) => canSuffer(position, f)).map((f) => caseOf(enumerated, position, f)));
    expect(due.length).toBeGreaterThan(90);
    expect(due.filter((one) => !tried.has(one))).toEqual([]);
  });
});

describe('what is enumerated', () => {
  it('holds every function that changes an object, and every kind of intent but healing', async () => {
    const changing = Object.keys(objects).filter((name) => /^(?!open)[a-z]+Object$/.test(name));
    const covered = new Set<string>(ENUMERATED.map(({ mutation }) => mutation));
    expect(changing.filter((name) => !covered.has(name))).toEqual([]);
    const seen = new Set<string>();
    for (const enumerated of ENUMERATED) {
      const { world } = await begin({ tokens: 'version', triedAgain: false }, enumerated, (kind) => seen.add(kind));
      await enumerated.operation.run(world);
    }
    expect([...seen].sort()).toEqual(INTENT_KINDS.filter((kind) => kind !== 'heal').toSorted());
  });
});

function caseOf({ operation }: Enumerated, position: Position, fault: FaultKind): string {
  return `${operation.name}: ${named(position)} ${fault}`;
}

async function begin(
  { triedAgain, ...kind }: Kind,
  { prepare }: Enumerated,
  onIntent: (kind: string) => void = () => undefined,
): Promise<{ world: World; backends: FaultyBackends }> {
  const backends = new FaultyBackends(triedAgain);
  const world = await makeWorld({
    ...kind,
    home: 'm1',
    wrap: backends.wrap,
    vendor: { name: 'aws', storageClasses: ['STANDARD', COLDER] },
    index: (inner) => watched(inner, onIntent),
  });
  await putInitial.run(world);
  await prepare?.(world);
  backends.begin();
  return { world, backends };
}

function watched(index: ObjectIndex, onIntent: (kind: string) => void): ObjectIndex {
  const changeKey = index.changeKey.bind(index);
  return Object.assign(index, {
    changeKey: (...[address, change]: Parameters<typeof changeKey>) => {
      for (const intent of change.next?.intents ?? []) onIntent(intent.kind);
      return changeKey(address, change);
    },
  });
}

/** The vendor calls of a run in which nothing goes wrong. */
async function positionsOf(kind: Kind, enumerated: Enumerated): Promise<Position[]> {
  const { world, backends } = await begin(kind, enumerated);
  await enumerated.operation.run(world);
  return backends.positions();
}

interface Harm {
  readonly position: Position;
  readonly fault: FaultKind;
}

async function suffer(kind: Kind, enumerated: Enumerated, { position, fault }: Harm): Promise<void> {
  const { operation } = enumerated;
  const { world, backends } = await begin(kind, enumerated);
  const before = modelBefore(enumerated);
  backends.arm(position, fault);
  const running = attempt(world, operation);
  let other: End | undefined;
  if (fault === 'hangs' || fault === 'answers late' || fault === 'answers behind a rival') {
    await Promise.race([backends.isHeld(position), running]);
    if (fault === 'hangs') backends.expire();
    if (fault === 'answers late')
      assertOneOf(await shown(world), [...inOrder([], before), ...inOrder([operation], before)], 'meanwhile');
    if (fault === 'answers behind a rival') other = await attempt(world, rival);
    backends.release();
  }
  const ended = await running;
  const end = { ...ended, may: ended.may || enumerated.isTwo === true };
  const story = `${caseOf(enumerated, position, fault)}; it ${end.told}${other ? `, the rival ${other.told}` : ''}`;
  if (!backends.hasStruck(position)) throw new Error(`the call was not made: ${story}`);
  endProcess(world);
  await settle(world);
  // A vendor that takes a part of a stream for the whole has replaced what stood there, where writes do not coexist: the object is shown as missing, never as that part.
  const mayBeMissing = fault === 'arrives truncated' && isObjectsError(end.error, 'outcome-unknown');
  const ends: readonly (readonly [Operation, End])[] = [[operation, end], ...(other ? [[rival, other] as const] : [])];
  const allowed = orders(ends).flatMap((order) => inOrder(order, before));
  assertOneOf(await shown(world), [...allowed, ...(mayBeMissing ? [MISSING] : [])], story);
  await settle(world);
  if (!(await isMissing(world)))
    await assertRecordIsTrue(world).catch((cause: unknown) => {
      throw new Error(`the record is not true: ${story}`, { cause });
    });
  if (end.must && operation.name === 'change-class' && !other) await assertClass(world, story);
  const left = await leftovers(world);
  if (left.length > 0) throw new Error(`left over: ${left.join('; ')}: ${story}`);
}

const MISSING = 'missing';

/** What a reader gets, its ETag checked against its bytes. */
async function shown(world: World): Promise<string | undefined> {
  const content = await contentOf(world).catch((error: unknown) => {
    if (isObjectsError(error, 'object-missing')) return MISSING;
    throw error;
  });
  if (content === MISSING) return JSON.stringify(MISSING);
  if (!content || typeof content === 'string') return undefined;
  expect(content.etag).toBe(createHash('md5').update(content.bytes).digest('hex'));
  return JSON.stringify({ bytes: content.bytes, color: content.metadata['color'] });
}

function assertOneOf(seen: string | undefined, models: readonly unknown[], story: string): void {
  const allowed = models.map((model) => JSON.stringify(model));
  if (!allowed.includes(seen as string))
    throw new Error(`the object is ${seen}, not one of ${allowed.join(' or ')}: ${story}`);
}

async function isMissing(world: World): Promise<boolean> {
  const document = await world.index.getKey({ bucket: (await world.bucket()).id, key: KEY });
  return document?.value.current?.missing !== undefined;
}

async function assertClass(world: World, story: string): Promise<void> {
  const { placement } =
    (await world.index.getKey({ bucket: (await world.bucket()).id, key: KEY }))?.value.current ?? {};
  if (placement?.storageClass !== COLDER) throw new Error(`it was told to be ${COLDER} and is not: ${story}`);
}

interface End {
  /** It may have happened, or may happen yet. */
  readonly may: boolean;
  /** It was acknowledged. */
  readonly must: boolean;
  readonly told: string;
  readonly error?: unknown;
}

async function attempt(world: World, operation: Operation): Promise<End> {
  try {
    await operation.run(world);
    return { may: true, must: true, told: 'was acknowledged' };
  } catch (error) {
    if (!isObjectsError(error)) throw error;
    return { may: isObjectsError(error, 'outcome-unknown'), must: false, told: `was told ${error.code}`, error };
  }
}

/** Every order of those that were acknowledged, and of any of the others that may have happened. */
function orders(ends: readonly (readonly [Operation, End])[]): (readonly Operation[])[] {
  const [first, ...rest] = ends;
  if (!first) return [[]];
  const [operation, end] = first;
  const others = orders(rest);
  const within = others.flatMap((order) =>
    Array.from({ length: order.length + 1 }, (_, at) => order.toSpliced(at, 0, operation)),
  );
  if (end.must) return within;
  return end.may ? [...others, ...within] : others;
}
