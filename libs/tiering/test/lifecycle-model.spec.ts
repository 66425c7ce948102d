import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  DEFAULT_TIER_POLICIES,
  dueAt,
  evaluate,
  findStorageClass,
  nextDue,
  type LifecycleContext,
  type LifecycleMoment,
  type LifecycleRule,
  type LifecycleSubject,
  type LifecycleTransition,
} from '#libs/tiering';
import { BACKENDS } from './backends.js';

const context: LifecycleContext = { vendor: 'aws', policies: DEFAULT_TIER_POLICIES, backends: BACKENDS };
const AWS_DOWN = ['STANDARD', 'STANDARD_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'];

const instants = fc.date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true });
const midnights = fc.integer({ min: 18_262, max: 21_915 }).map((day) => new Date(day * 86_400_000).toISOString());
const moments: fc.Arbitrary<LifecycleMoment> = fc.oneof(
  fc.record({ days: fc.integer({ min: 1, max: 900 }) }),
  fc.record({ date: midnights }),
);
const classes = fc.constantFrom(...AWS_DOWN);
const filters = fc.record(
  { prefix: fc.constantFrom('', 'a', 'b'), tags: fc.constantFrom({}, { t: '1' }), sizeTo: fc.constantFrom(10, 1e9) },
  { requiredKeys: [] },
);
const homeRules = fc.uniqueArray(
  fc.record(
    {
      id: fc.constantFrom('p', 'q', 'r', 's'),
      enabled: fc.boolean(),
      filter: filters,
      expiration: moments,
      transitions: fc.array(
        fc.tuple(moments, classes).map(([moment, storageClass]): LifecycleTransition => ({ ...moment, storageClass })),
        { minLength: 1, maxLength: 1 },
      ),
    },
    { requiredKeys: ['id', 'enabled', 'filter'] },
  ),
  { selector: (rule) => rule.id },
);
const homeSubjects: fc.Arbitrary<LifecycleSubject> = fc.record({
  key: fc.constantFrom('a/1', 'b/1', 'c'),
  size: fc.constantFrom(0, 10, 131_072, 1e9),
  tags: fc.constantFrom<Record<string, string>>({}, { t: '1' }, { t: '2' }),
  lastModified: instants,
  storageClass: classes,
  backend: fc.constant('aws-a'),
  vendor: fc.constant('aws' as const),
});

/** Walks the calendar a day at a time, where the library computes: after `days` full days, the first midnight that follows. */
function naiveDue(moment: LifecycleMoment, lastModified: Date): Date {
  if (moment.days === undefined) return new Date(moment.date);
  const walker = new Date(lastModified);
  for (let day = 0; day < moment.days; day += 1) walker.setUTCDate(walker.getUTCDate() + 1);
  return new Date(Date.UTC(walker.getUTCFullYear(), walker.getUTCMonth(), walker.getUTCDate() + 1));
}

/** The rules of one AWS backend by their plain reading, on the straight part of the waterfall. */
function naive(record: LifecycleSubject, rules: readonly LifecycleRule[], now: Date): string {
  let coldest = AWS_DOWN.indexOf(record.storageClass);
  for (const { enabled, filter, expiration, transitions = [] } of rules) {
    if (!enabled || !record.key.startsWith(filter.prefix ?? '') || record.size > (filter.sizeTo ?? record.size))
      continue;
    if (filter.tags?.['t'] !== undefined && filter.tags['t'] !== record.tags['t']) continue;
    if (expiration && naiveDue(expiration, record.lastModified) <= now) return 'expire';
    for (const transition of transitions) {
      const big = record.size >= 131_072 || filter.sizeTo !== undefined;
      if (!big || naiveDue(transition, record.lastModified) > now) continue;
      coldest = Math.max(coldest, AWS_DOWN.indexOf(transition.storageClass ?? ''));
    }
  }
  const target = AWS_DOWN[coldest] ?? '';
  return target === record.storageClass ? 'nothing' : target;
}

const brief = (action: ReturnType<typeof evaluate>): string =>
  action === undefined ? 'nothing' : action.kind === 'expire' ? 'expire' : action.storageClass;

describe('lifecycle against a naive model', () => {
  it('falls due on the day a calendar says', () => {
    fc.assert(
      fc.property(moments, instants, (moment, lastModified) => {
        expect(dueAt(moment, lastModified)).toBe(naiveDue(moment, lastModified).getTime());
      }),
    );
  });

  it('never falls due before the days are over, nor a day late', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 36_500 }), instants, (days, lastModified) => {
        const wait = dueAt({ days }, lastModified) - lastModified.getTime() - days * 86_400_000;
        expect(wait).toBeGreaterThan(0);
        expect(wait).toBeLessThanOrEqual(86_400_000);
      }),
    );
  });

  it('does what the model does on one backend', () => {
    fc.assert(
      fc.property(homeSubjects, homeRules, instants, (record, rules, now) => {
        expect(brief(evaluate(record, rules, now, context))).toBe(naive(record, rules, now));
      }),
      { numRuns: 3000 },
    );
  });

  it('what is due stays due, and only gets colder or ends', () => {
    fc.assert(
      fc.property(homeSubjects, homeRules, instants, fc.nat(2e11), (record, rules, now, later) => {
        const scale = [...AWS_DOWN, 'expire'];
        const first = brief(evaluate(record, rules, now, context));
        const second = brief(evaluate(record, rules, new Date(now.getTime() + later), context));
        expect(scale.indexOf(second)).toBeGreaterThanOrEqual(scale.indexOf(first));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('lifecycle over many backends', () => {
  const places = fc.constantFrom({}, ...BACKENDS.map(({ name }) => ({ backend: name })));
  const targets = fc.oneof(
    fc.record({ storageClass: fc.constantFrom(...AWS_DOWN, 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'Cool', 'Archive') }),
    fc.record({ tier: fc.constantFrom('Gold', 'Silver', 'Bronze') }),
  );
  const days = fc.record({ days: fc.nat(12) });
  const rules: fc.Arbitrary<readonly LifecycleRule[]> = fc.uniqueArray(
    fc.record({
      id: fc.constantFrom('p', 'q', 'r', 's', 't'),
      enabled: fc.constant(true),
      filter: filters,
      transitions: fc.array(
        fc
          .tuple(days, targets, places)
          .map(([when, target, place]): LifecycleTransition => ({ ...when, ...target, ...place })),
        { maxLength: 3 },
      ),
    }),
    { selector: (rule) => rule.id },
  );
  const subjects: fc.Arbitrary<LifecycleSubject> = fc
    .tuple(homeSubjects, fc.constantFrom(...BACKENDS), fc.constantFrom('Gold', 'Bronze'))
    .map(([record, { name, vendor }, tier]) => ({
      ...record,
      tier,
      backend: name,
      vendor,
      storageClass: findStorageClass(vendor, record.storageClass)?.name ?? (vendor === 'azure' ? 'Cool' : 'STANDARD'),
    }));
  const ages = fc.integer({ min: 0, max: 20 });
  const after = (record: LifecycleSubject, age: number) => new Date(record.lastModified.getTime() + age * 86_400_000);

  it('the order of the rules does not matter', () => {
    fc.assert(
      fc.property(subjects, rules, fc.nat(), ages, (record, given, turn, age) => {
        const split = given.length === 0 ? 0 : turn % given.length;
        const shuffled = [...given.slice(split), ...given.slice(0, split)].toReversed();
        const now = after(record, age);
        expect(evaluate(record, shuffled, now, context)).toEqual(evaluate(record, given, now, context));
      }),
      { numRuns: 2000 },
    );
  });

  it('carried out and asked again it comes to rest: no object goes to and fro', () => {
    fc.assert(
      fc.property(subjects, rules, ages, (start, given, age) => {
        let record = start;
        const now = after(record, age);
        for (let step = 0; step < 12; step += 1) {
          const action = evaluate(record, given, now, context);
          if (action?.kind !== 'transition') return;
          const backend = BACKENDS.find((one) => one.name === (action.backend ?? record.backend));
          if (!backend) throw new Error('An action names a backend nobody knows');
          const { tier, ...rest } = { ...record, storageClass: action.storageClass };
          const kept = action.tier ?? tier;
          record = {
            ...rest,
            ...(kept !== undefined && { tier: kept }),
            backend: backend.name,
            vendor: backend.vendor,
          };
        }
        throw new Error('Twelve moves and still not at rest');
      }),
      { numRuns: 5000 },
    );
  });

  it('an action always names a class its vendor has', () => {
    fc.assert(
      fc.property(subjects, rules, ages, (record, given, age) => {
        const action = evaluate(record, given, after(record, age), context);
        if (action?.kind !== 'transition') return;
        const vendor = BACKENDS.find((one) => one.name === (action.backend ?? record.backend))?.vendor ?? 'generic';
        expect(findStorageClass(vendor, action.storageClass)?.name).toBe(action.storageClass);
      }),
    );
  });

  it('nextDue is the first instant at which there is something to do', () => {
    fc.assert(
      fc.property(subjects, rules, ages, (record, given, age) => {
        const next = nextDue(record, given, context);
        if (next) expect(evaluate(record, given, next, context)).toBeDefined();
        const now = after(record, age);
        if (!next || now < next) expect(evaluate(record, given, now, context)).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });
});
