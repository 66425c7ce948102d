import { describe, expect, it } from '@jest/globals';
import {
  DEFAULT_TIER_POLICIES,
  evaluate,
  nextDue,
  type LifecycleContext,
  type LifecycleRule,
  type LifecycleSubject,
  type LifecycleTransition,
} from '#libs/tiering';

const context: LifecycleContext = {
  vendor: 'aws',
  policies: DEFAULT_TIER_POLICIES,
  backends: [
    { name: 'home', vendor: 'aws' },
    { name: 'fs', vendor: 'filesystem' },
    { name: 'az', vendor: 'azure' },
  ],
};
const MIB = 1_048_576;
const subject = (over: Partial<LifecycleSubject> = {}): LifecycleSubject => ({
  key: 'logs/a',
  size: MIB,
  tags: { keep: 'no', team: 'x' },
  lastModified: new Date('2026-01-15T10:30:00Z'),
  storageClass: 'STANDARD',
  backend: 'home',
  vendor: 'aws',
  ...over,
});
const rule = (over: Partial<LifecycleRule> = {}): LifecycleRule => ({ id: 'r', enabled: true, filter: {}, ...over });
const going = (id: string, ...transitions: LifecycleTransition[]) => rule({ id, transitions });
const ask = (rules: readonly LifecycleRule[], now: string, over: Partial<LifecycleSubject> = {}) =>
  evaluate(subject(over), rules, new Date(now), context);
const LATE = '2030-01-01T00:00:00Z';

describe('when a rule falls due (A2.20)', () => {
  const ends = [rule({ expiration: { days: 3 } })];
  it('days are rounded up to the next midnight UTC: the example of the S3 user guide', () => {
    expect(ask(ends, '2026-01-18T23:59:59.999Z')).toBeUndefined();
    expect(ask(ends, '2026-01-19T00:00:00Z')).toEqual({ kind: 'expire', ruleId: 'r' });
  });

  it('what was modified at midnight has its days in full, and ends at the midnight after', () => {
    const lastModified = new Date('2026-01-15T00:00:00Z');
    expect(ask(ends, '2026-01-18T00:00:00Z', { lastModified })).toBeUndefined();
    expect(ask(ends, '2026-01-19T00:00:00Z', { lastModified })).toBeDefined();
  });

  it('a transition after 0 days is due at once', () => {
    const rules = [going('r', { days: 0, storageClass: 'GLACIER' })];
    expect(ask(rules, '2026-01-15T10:29:59.999Z')).toBeUndefined();
    expect(ask(rules, '2026-01-15T10:30:00Z')).toEqual({ kind: 'transition', ruleId: 'r', storageClass: 'GLACIER' });
  });

  it('a date is due from its midnight on', () => {
    const rules = [rule({ expiration: { date: '2027-01-01T00:00:00.000Z' } })];
    expect(ask(rules, '2026-12-31T23:59:59.999Z')).toBeUndefined();
    expect(ask(rules, '2027-01-01T00:00:00Z')).toBeDefined();
  });

  it('more days than a calendar has never fall due', () => {
    const rules = [rule({ expiration: { days: 2_147_483_647 } })];
    expect(evaluate(subject(), rules, new Date(8.64e15), context)).toBeUndefined();
    expect(nextDue(subject(), rules, context)).toBeUndefined();
  });
});

describe('which objects a rule is about', () => {
  it.each<[string, LifecycleRule['filter'], boolean]>([
    ['no condition', {}, true],
    ['its prefix', { prefix: 'logs/' }, true],
    ['another prefix', { prefix: 'log/' }, false],
    ['all its tags', { tags: { keep: 'no', team: 'x' } }, true],
    ['a tag with another value', { tags: { keep: 'yes' } }, false],
    ['a tag it has and one it lacks', { tags: { keep: 'no', other: '' } }, false],
    ['a tag named as something every object inherits', { tags: { constructor: '' } }, false],
    ['its very size, both ends', { sizeFrom: MIB, sizeTo: MIB }, true],
    ['a greater size', { sizeFrom: MIB + 1 }, false],
    ['a smaller size', { sizeTo: MIB - 1 }, false],
    ['one condition of two', { prefix: 'logs/', sizeFrom: MIB + 1 }, false],
  ])('%s', (_, filter, taken) => {
    expect(ask([rule({ filter, expiration: { days: 1 } })], LATE) !== undefined).toBe(taken);
  });

  it('none, when the rule is not enabled', () => {
    expect(ask([rule({ enabled: false, expiration: { days: 1 } })], LATE)).toBeUndefined();
  });
});

describe('which of several due actions wins', () => {
  it('expiration over any transition, the earliest first', () => {
    const rules = [
      going('cold', { days: 1, storageClass: 'GLACIER' }),
      rule({ id: 'b', expiration: { days: 9 } }),
      rule({ id: 'a', expiration: { days: 20 } }),
    ];
    expect(ask(rules, LATE)).toEqual({ kind: 'expire', ruleId: 'b' });
  });

  it('the last due step of a rule', () => {
    const rules = [going('r', { days: 30, storageClass: 'STANDARD_IA' }, { days: 90, storageClass: 'GLACIER' })];
    expect(ask(rules, '2026-03-01T00:00:00Z')).toMatchObject({ storageClass: 'STANDARD_IA' });
    expect(ask(rules, LATE)).toMatchObject({ storageClass: 'GLACIER' });
  });

  it('of two rules for one place the colder class, even if the other is later', () => {
    const rules = [
      going('late', { days: 90, storageClass: 'STANDARD_IA' }),
      going('cold', { days: 30, storageClass: 'GLACIER' }),
    ];
    expect(ask(rules, LATE)).toMatchObject({ ruleId: 'cold', storageClass: 'GLACIER' });
  });

  it('of two that agree in class and age the first by id, whatever their order', () => {
    const rules = [going('b', { days: 1, storageClass: 'GLACIER' }), going('a', { days: 1, storageClass: 'GLACIER' })];
    expect(ask(rules, LATE)).toMatchObject({ ruleId: 'a' });
    expect(ask(rules.toReversed(), LATE)).toMatchObject({ ruleId: 'a' });
  });

  it('of two places the later', () => {
    const rules = [
      going('cold', { days: 30, storageClass: 'GLACIER' }),
      going('out', { days: 90, tier: 'Silver', backend: 'az' }),
    ];
    expect(ask(rules, LATE)).toEqual({
      kind: 'transition',
      ruleId: 'out',
      storageClass: 'Cool',
      tier: 'Silver',
      backend: 'az',
    });
  });
});

describe('when there is nothing to do', () => {
  it.each<[string, LifecycleTransition, Partial<LifecycleSubject>]>([
    ['it is there already', { days: 1, storageClass: 'GLACIER' }, { storageClass: 'GLACIER' }],
    ['it is there, its class spelt otherwise', { days: 1, storageClass: 'GLACIER' }, { storageClass: 'glacier' }],
    ['it is there in class and tier', { days: 1, tier: 'Silver' }, { storageClass: 'STANDARD_IA', tier: 'silver' }],
    ['it is colder already', { days: 1, storageClass: 'STANDARD_IA' }, { storageClass: 'GLACIER_IR' }],
    ['the waterfall has no such way', { days: 1, storageClass: 'GLACIER_IR' }, { storageClass: 'ONEZONE_IA' }],
    [
      'it is on the named backend',
      { days: 1, tier: 'Gold', backend: 'fs' },
      { backend: 'fs', vendor: 'filesystem', tier: 'Gold' },
    ],
    [
      'its bytes need a restore before they can leave',
      { days: 1, tier: 'Gold', backend: 'fs' },
      { storageClass: 'GLACIER' },
    ],
    ['its vendor has no such class', { days: 1, storageClass: 'GLACIER' }, { backend: 'fs', vendor: 'filesystem' }],
    ['the backend is gone', { days: 1, tier: 'Gold', backend: 'gone' }, {}],
    ['the tier is gone', { days: 1, tier: 'Tin' }, {}],
  ])('%s', (_, transition, over) => expect(ask([going('r', transition)], LATE, over)).toBeUndefined());

  it('a tier of the same class is still another tier: only the record changes', () => {
    const over = { backend: 'fs', vendor: 'filesystem', tier: 'Gold' } as const;
    expect(ask([going('r', { days: 1, tier: 'Bronze' })], LATE, over)).toEqual({
      kind: 'transition',
      ruleId: 'r',
      storageClass: 'STANDARD',
      tier: 'Bronze',
    });
  });

  it('a step without a backend stays where the step before went, whether or not that was carried out', () => {
    const rules = [going('r', { days: 1, tier: 'Gold', backend: 'az' }, { days: 40, storageClass: 'Cool' })];
    expect(ask(rules, LATE)).toMatchObject({ storageClass: 'Cool', backend: 'az' });
    expect(ask(rules, LATE, { backend: 'az', vendor: 'azure', storageClass: 'Hot' })).toEqual({
      kind: 'transition',
      ruleId: 'r',
      storageClass: 'Cool',
    });
  });
});

describe('an object that went past the class of the step that holds it on its backend', () => {
  const rules = [
    going('p', { days: 0, tier: 'Gold', backend: 'home' }),
    going('s', { days: 0, tier: 'Gold', backend: 'fs' }),
    going('t', { days: 0, tier: 'Silver' }),
  ];
  it('stays there, and is not sent away by the older step only to be fetched back', () => {
    expect(ask(rules, LATE, { storageClass: 'STANDARD_IA', tier: 'Silver' })).toBeUndefined();
    expect(ask(rules, LATE, { backend: 'fs', vendor: 'filesystem', tier: 'Silver' })).toMatchObject({
      backend: 'home',
    });
  });
});

describe('objects too small to gain from a colder class', () => {
  const to = (storageClass: string, filter: LifecycleRule['filter'] = {}) => [
    rule({ filter, transitions: [{ days: 1, storageClass }] }),
  ];
  it.each(['STANDARD_IA', 'GLACIER', 'DEEP_ARCHIVE', 'INTELLIGENT_TIERING'])(
    'stay where they are on AWS under 128 KB: %s',
    (name) => {
      expect(ask(to(name), LATE, { size: 131_071 })).toBeUndefined();
      expect(ask(to(name), LATE, { size: 131_072 })).toBeDefined();
    },
  );

  it('go when the rule filters by size itself, as on AWS', () => {
    expect(ask(to('GLACIER', { sizeFrom: 1 }), LATE, { size: 10 })).toBeDefined();
  });

  it('go at vendors that know no minimum', () => {
    expect(ask(to('Cool'), LATE, { size: 1, vendor: 'azure', backend: 'az', storageClass: 'Hot' })).toBeDefined();
  });

  it('stay under the 64 KB of Alibaba OSS', () => {
    const oss = { vendor: 'alibaba-oss', backend: 'oss' } as const;
    expect(ask(to('GLACIER'), LATE, { ...oss, size: 65_535 })).toBeUndefined();
    expect(ask(to('GLACIER'), LATE, { ...oss, size: 65_536 })).toBeDefined();
  });

  it('go to the default class of AWS, which has no minimum, when that is at another backend', () => {
    const rules = [going('r', { days: 1, tier: 'Gold', backend: 'home' })];
    expect(ask(rules, LATE, { size: 1, vendor: 'azure', backend: 'az', storageClass: 'Cool' })).toBeDefined();
  });

  it('expire all the same', () => {
    expect(ask([rule({ expiration: { days: 1 } })], LATE, { size: 0 })).toBeDefined();
  });
});

describe('what is next, for a preview', () => {
  const rules = [
    going('r', { days: 30, storageClass: 'STANDARD_IA' }, { days: 90, storageClass: 'GLACIER' }),
    rule({ id: 'end', expiration: { days: 365 } }),
  ];
  it.each([
    ['STANDARD', '2026-02-15T00:00:00.000Z'],
    ['STANDARD_IA', '2026-04-16T00:00:00.000Z'],
    ['GLACIER', '2027-01-16T00:00:00.000Z'],
  ])('from %s it is on %s', (storageClass, expected) => {
    expect(nextDue(subject({ storageClass }), rules, context)?.toISOString()).toBe(expected);
  });

  it('is nothing when no rule is about the object', () => {
    expect(nextDue(subject(), [rule({ filter: { prefix: 'x' }, expiration: { days: 1 } })], context)).toBeUndefined();
  });
});
