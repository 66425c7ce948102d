import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  classFor,
  DEFAULT_TIER_POLICIES,
  defaultStorageClass,
  dueAt,
  evaluate,
  judgeRetier,
  storageClassesOf,
  type LifecycleContext,
  type LifecycleRule,
  type LifecycleSubject,
  type LifecycleTransition,
  type RetierSubject,
  type RuleReading,
  type TierPolicy,
} from '#libs/tiering';
import { BACKENDS } from './backends.js';

const TIERS = DEFAULT_TIER_POLICIES.map(({ name }) => name);
const DAY = 86_400_000;
const MODIFIED = new Date('2026-01-01T12:00:00Z');

const policies = fc.constantFrom(...DEFAULT_TIER_POLICIES);
const home = fc.constantFrom(...BACKENDS);
const targets = fc.oneof(
  fc.record({ tier: fc.constantFrom(...TIERS) }),
  fc.record({ storageClass: fc.constantFrom('STANDARD', 'STANDARD_IA', 'GLACIER_IR', 'Cool', 'Archive') }),
);
const places = fc.constantFrom({}, ...BACKENDS.map(({ name }) => ({ backend: name })));
const transition = fc
  .tuple(fc.constantFrom(0, 1, 2, 5), targets, places)
  .map(([days, target, place]): LifecycleTransition => ({ days, ...target, ...place }));
const rules: fc.Arbitrary<readonly LifecycleRule[]> = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom('p', 'q', 'r'),
    enabled: fc.constantFrom(true, true, true, false),
    filter: fc.constantFrom({}, { prefix: 'a' }, { prefix: 'b' }, { sizeFrom: 1 }),
    transitions: fc.array(transition, { minLength: 1, maxLength: 2 }),
  }),
  { selector: ({ id }) => id, maxLength: 3 },
);
const ages = fc.integer({ min: 0, max: 8 });
const sizes = fc.constantFrom(0, 200_000);
const worlds = fc.record({ given: rules, policy: policies, at: home, age: ages });
const RUNS = { numRuns: 2_000 };

function readingOf(given: readonly LifecycleRule[], at: (typeof BACKENDS)[number], age: number): RuleReading {
  const context: LifecycleContext = {
    vendor: at.vendor,
    policies: DEFAULT_TIER_POLICIES,
    backends: BACKENDS,
    home: at.name,
  };
  return { rules: given, now: new Date(MODIFIED.getTime() + age * DAY), context };
}

/** An object of an earlier version, as it was written into a bucket of this policy on this backend. */
function written(policy: TierPolicy, at: (typeof BACKENDS)[number], size: number): LifecycleSubject {
  const storageClass = classFor(policy, at.vendor);
  const place = { backend: at.name, vendor: at.vendor, storageClass, tier: policy.name };
  return { key: 'a', tags: {}, size, lastModified: MODIFIED, ...place };
}

/** What a run makes of the object, as the product does it: a rule that names a class takes it out of its tier. */
function afterRun(object: LifecycleSubject, { rules: given, context }: RuleReading, now: Date): LifecycleSubject {
  const action = evaluate(object, given, now, context);
  if (action?.kind !== 'transition') return object;
  const to = BACKENDS.find(({ name }) => name === (action.backend ?? object.backend));
  if (!to) throw new Error('an action names a backend that nobody knows');
  const { key, tags, size, lastModified } = object;
  const tier = action.tier === undefined ? {} : { tier: action.tier };
  const place = { backend: to.name, vendor: to.vendor, storageClass: action.storageClass };
  return { key, tags, size, lastModified, ...place, ...tier };
}

/** Everything that an object can become, tried out: at each instant there may be runs, or none. */
function everything(object: LifecycleSubject, reading: RuleReading): readonly LifecycleSubject[] {
  const due = reading.rules.flatMap(({ transitions = [] }) => transitions.map((one) => dueAt(one, MODIFIED)));
  const instants = [...new Set(due)].filter((at) => at <= reading.now.getTime()).toSorted((a, b) => a - b);
  const found: LifecycleSubject[] = [];
  const goOn = (now: LifecycleSubject, [instant, ...later]: readonly number[]): void => {
    if (instant === undefined) return;
    goOn(now, later);
    const next = afterRun(now, reading, new Date(instant));
    if (next === now) return;
    found.push(next);
    goOn(next, [instant, ...later]);
  };
  goOn(object, instants);
  return found;
}

const isAt = (object: LifecycleSubject, place: LifecycleSubject): boolean =>
  object.backend === place.backend &&
  object.storageClass === place.storageClass &&
  (place.tier === undefined || place.tier === object.tier);

describe('a retier of objects that lifecycle rules have moved, of which no record says so', () => {
  it('undoes nothing of what the rules did, whenever and however often they were run', () => {
    fc.assert(
      fc.property(worlds, sizes, fc.array(ages), ({ given, policy, at, age }, size, runs) => {
        const reading = readingOf(given, at, age);
        let object = written(policy, at, size);
        for (const run of runs.filter((one) => one <= age).toSorted((a, b) => a - b))
          object = afterRun(object, reading, new Date(MODIFIED.getTime() + run * DAY));
        expect(['own', 'as-meant']).toContain(judgeRetier(object, policy, reading).kind);
      }),
      RUNS,
    );
  });

  const anywhere: fc.Arbitrary<RetierSubject> = fc
    .tuple(home, fc.nat(), fc.option(fc.constantFrom(...TIERS), { nil: undefined }), sizes)
    .map(([{ name, vendor }, pick, tier, size]) => {
      const classes = storageClassesOf(vendor);
      const storageClass = classes[pick % classes.length]?.name ?? '';
      const place = { backend: name, vendor, storageClass, ...(tier === undefined ? {} : { tier }) };
      return { key: 'a', tags: {}, size, lastModified: MODIFIED, ...place };
    });

  it('leaves alone those that the rules could have brought where they are, and no other', () => {
    fc.assert(
      fc.property(anywhere, worlds, (object, { given, policy, at, age }) => {
        const reading = readingOf(given, at, age);
        const plain = judgeRetier(object, policy);
        const isChosen = object.tier === undefined && object.storageClass !== defaultStorageClass(object.vendor).name;
        const { kind } = judgeRetier(object, policy, reading);
        if (plain.kind === 'as-meant' || isChosen) expect(kind).toBe(plain.kind);
        else {
          const here = { name: object.backend, vendor: object.vendor } as (typeof BACKENDS)[number];
          const starts = [written(policy, here, object.size), written(policy, at, object.size)];
          const isByRules = starts.flatMap((start) => everything(start, reading)).some((place) => isAt(object, place));
          expect(kind).toBe(isByRules ? 'own' : plain.kind);
        }
      }),
      RUNS,
    );
  });

  it('and the rules after it never send an object to and fro', () => {
    fc.assert(
      fc.property(anywhere, worlds, (object, { given, policy, at, age }) => {
        const reading = readingOf(given, at, age);
        const { kind, to } = judgeRetier(object, policy, reading);
        if (kind !== 'class' && kind !== 'name') return;
        let now: LifecycleSubject = { ...object, storageClass: to, tier: policy.name };
        for (let run = 0; run < 12; run += 1) {
          const next = afterRun(now, reading, reading.now);
          if (next === now) return;
          now = next;
          expect(isAt(object, now)).toBe(false);
        }
        throw new Error('twelve runs and still not at rest');
      }),
      RUNS,
    );
  });

  it('follows the bucket where the rule is off, or is about other objects', () => {
    const silver = DEFAULT_TIER_POLICIES.find(({ name }) => name === 'Silver');
    const gold = DEFAULT_TIER_POLICIES.find(({ name }) => name === 'Gold');
    if (!silver || !gold) throw new Error('no such tiers');
    const [at] = BACKENDS;
    const object = written(silver, at, 200_000);
    const rule = { id: 'r', enabled: true, filter: {}, transitions: [{ days: 2, tier: 'Silver' }] };
    const kindBy = (given: LifecycleRule, age: number): string =>
      judgeRetier(object, gold, readingOf([given], at, age)).kind;
    expect(kindBy(rule, 5)).toBe('own');
    expect(kindBy(rule, 1)).toBe('class');
    expect(kindBy({ ...rule, enabled: false }, 5)).toBe('class');
    expect(kindBy({ ...rule, filter: { prefix: 'b' } }, 5)).toBe('class');
  });
});
