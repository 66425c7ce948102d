import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { VENDORS, type Vendor } from '#libs/naming';
import { DEFAULT_TIER_POLICIES, validateLifecycle, type LifecycleContext } from '#libs/tiering';

const context = (vendor: Vendor): LifecycleContext => ({
  vendor,
  policies: DEFAULT_TIER_POLICIES,
  backends: [
    { name: 'aws-eu', vendor: 'aws' },
    { name: 'aws-us', vendor: 'aws' },
    { name: 'fs', vendor: 'filesystem' },
  ],
  home: vendor === 'aws' ? 'aws-eu' : 'home',
});
const rule = (over: object): object => ({ id: 'r', enabled: true, filter: {}, ...over });
const check = (vendor: Vendor, ...rules: readonly unknown[]) => validateLifecycle({ rules }, context(vendor));
const violationsOf = (vendor: Vendor, ...rules: readonly unknown[]) => {
  const verdict = check(vendor, ...rules);
  return 'violations' in verdict ? verdict.violations : [];
};
const warningsOf = (vendor: Vendor, over: object) => {
  const verdict = check(vendor, rule(over));
  return 'warnings' in verdict ? verdict.warnings : verdict.violations;
};
const going = (...steps: readonly (readonly [number, string])[]) =>
  rule({ transitions: steps.map(([days, storageClass]) => ({ days, storageClass })) });

describe('rules that are legal', () => {
  it('come back with canonical names and dates', () => {
    const verdict = check(
      'azure',
      rule({
        filter: { prefix: 'logs/', tags: { keep: 'no' }, sizeFrom: 0, sizeTo: 10 },
        transitions: [
          { days: 30, storageClass: 'cool' },
          { days: 90, tier: 'BRONZE' },
        ],
        expiration: { days: 365 },
      }),
      rule({ id: 'dated', enabled: false, expiration: { date: '2027-02-28' } }),
    );
    expect(verdict).toEqual({
      rules: [
        {
          id: 'r',
          enabled: true,
          filter: { prefix: 'logs/', tags: { keep: 'no' }, sizeFrom: 0, sizeTo: 10 },
          transitions: [
            { days: 30, storageClass: 'Cool' },
            { days: 90, tier: 'Bronze' },
          ],
          expiration: { days: 365 },
        },
        { id: 'dated', enabled: false, filter: {}, expiration: { date: '2027-02-28T00:00:00.000Z' } },
      ],
      warnings: [],
    });
  });

  it.each([0, 1, 1000])('may be %i in number', (count) => {
    const rules = Array.from({ length: count }, (_, index) => rule({ id: `r${index}`, expiration: { days: 1 } }));
    expect(violationsOf('aws', ...rules)).toEqual([]);
  });

  it.each([
    '2027-01-31',
    '2027-01-31T00:00Z',
    '2027-01-31T00:00:00Z',
    '2027-01-31T00:00:00.000Z',
    '2027-01-31T00:00:00+00:00',
  ])('may write a date as %s', (date) => {
    expect(check('aws', rule({ expiration: { date } }))).toMatchObject({
      rules: [{ expiration: { date: '2027-01-31T00:00:00.000Z' } }],
    });
  });
});

describe('rules that are not, each with its path', () => {
  const end = { expiration: { days: 1 } };
  const at = (path: string, message: string) => [{ path, message: expect.stringContaining(message) }];

  it.each<[string, unknown, string, string]>([
    ['no object', 7, 'rules[0]', 'expected an object'],
    ['no id', { ...rule(end), id: undefined }, 'rules[0].id', '1 to 255'],
    ['an empty id', rule({ id: '', ...end }), 'rules[0].id', '1 to 255'],
    ['an id too long', rule({ id: 'x'.repeat(256), ...end }), 'rules[0].id', '1 to 255'],
    ['no enabled', rule({ enabled: 'yes', ...end }), 'rules[0].enabled', 'true or false'],
    ['no filter', rule({ filter: undefined, ...end }), 'rules[0].filter', 'expected an object'],
    ['a misspelt filter', rule({ filter: { prefx: 'a' }, ...end }), 'rules[0].filter.prefx', 'expected prefix, tags'],
    [
      'a prefix too long',
      rule({ filter: { prefix: 'é'.repeat(513) }, ...end }),
      'rules[0].filter.prefix',
      '1024 bytes',
    ],
    ['a tag without text', rule({ filter: { tags: { a: 1 } }, ...end }), 'rules[0].filter.tags.a', 'a text value'],
    [
      'a negative size',
      rule({ filter: { sizeFrom: -1 }, ...end }),
      'rules[0].filter.sizeFrom',
      'whole number of bytes',
    ],
    [
      'sizes that cross',
      rule({ filter: { sizeFrom: 2, sizeTo: 1 }, ...end }),
      'rules[0].filter.sizeTo',
      'at least sizeFrom (2)',
    ],
    ['nothing to do', rule({}), 'rules[0]', 'an expiration or at least one transition'],
    ['an expiration after 0 days', rule({ expiration: { days: 0 } }), 'rules[0].expiration.days', 'from 1 to'],
    ['half a day', rule({ expiration: { days: 1.5 } }), 'rules[0].expiration.days', 'whole number of days'],
    [
      'days and date',
      rule({ expiration: { days: 1, date: '2027-01-01' } }),
      'rules[0].expiration',
      'exactly one of days and date',
    ],
    ['neither days nor date', rule({ expiration: {} }), 'rules[0].expiration', 'exactly one of days and date'],
    [
      'a date at noon',
      rule({ expiration: { date: '2027-01-01T12:00:00Z' } }),
      'rules[0].expiration.date',
      'midnight UTC',
    ],
    [
      'a date elsewhere',
      rule({ expiration: { date: '2027-01-01T00:00:00+02:00' } }),
      'rules[0].expiration.date',
      'midnight UTC',
    ],
    ['31 February', rule({ expiration: { date: '2027-02-31' } }), 'rules[0].expiration.date', 'midnight UTC'],
    ['month 13', rule({ expiration: { date: '2027-13-01' } }), 'rules[0].expiration.date', 'midnight UTC'],
    ['transitions of no list', rule({ transitions: {} }), 'rules[0].transitions', 'expected a list'],
    [
      'class and tier',
      rule({ transitions: [{ days: 1, tier: 'Silver', storageClass: 'Cool' }] }),
      'rules[0].transitions[0]',
      'exactly one of storageClass and tier',
    ],
    [
      'neither class nor tier',
      rule({ transitions: [{ days: 1 }] }),
      'rules[0].transitions[0]',
      'exactly one of storageClass and tier',
    ],
    ['a negative age', going([-1, 'Cool']), 'rules[0].transitions[0].days', 'from 0 to'],
    [
      'an unknown class',
      going([1, 'GLACIER']),
      'rules[0].transitions[0].storageClass',
      'expected one of Hot, Cool, Cold, Archive',
    ],
    [
      'an unknown tier',
      rule({ transitions: [{ days: 1, tier: 'Tin' }] }),
      'rules[0].transitions[0].tier',
      'expected one of: Gold, Silver, Bronze',
    ],
    [
      'an unknown backend',
      rule({ transitions: [{ days: 1, tier: 'Gold', backend: 'x' }] }),
      'rules[0].transitions[0].backend',
      'expected one of: aws-eu, aws-us, fs',
    ],
    [
      'steps of one age',
      going([5, 'Cool'], [5, 'Cold']),
      'rules[0].transitions[1].days',
      'later time than the step before',
    ],
    [
      'steps that grow younger',
      going([5, 'Cool'], [4, 'Cold']),
      'rules[0].transitions[1].days',
      'later time than the step before',
    ],
    [
      'an end before the last step',
      rule({ transitions: [{ days: 9, storageClass: 'Cool' }], expiration: { days: 9 } }),
      'rules[0].expiration.days',
      'later time than the step before',
    ],
    [
      'days and dates in one rule',
      rule({ transitions: [{ days: 9, storageClass: 'Cool' }], expiration: { date: '2027-01-01' } }),
      'rules[0].expiration.date',
      'not in both',
    ],
    [
      'the same class twice',
      going([1, 'Cool'], [2, 'cool']),
      'rules[0].transitions[1].storageClass',
      'already went to Cool',
    ],
  ])('%s', (_, given, path, message) => expect(violationsOf('azure', given)).toEqual(at(path, message)));

  it('an id that is used twice', () => {
    expect(violationsOf('aws', rule(end), rule(end))).toEqual(at('rules[1].id', 'is the id of rules[0] already'));
  });

  it('more than 1,000 rules', () => {
    const rules = Array.from({ length: 1001 }, (_, index) => rule({ id: `r${index}`, ...end }));
    expect(violationsOf('aws', ...rules)).toEqual(at('rules', 'at most 1000 rules, not 1001'));
  });

  it('no list, or a field beside it', () => {
    expect(validateLifecycle({}, context('aws'))).toEqual({ violations: at('rules', 'expected a list') });
    expect(validateLifecycle({ rules: [], ...{ Rules: [] } }, context('aws'))).toEqual({
      violations: at('Rules', 'unknown field'),
    });
  });
});

describe('the waterfall: no rule warms an object up', () => {
  it.each<[Vendor, readonly string[], 'legal' | 'illegal']>([
    ['aws', ['STANDARD_IA', 'GLACIER_IR', 'GLACIER', 'DEEP_ARCHIVE'], 'legal'],
    ['aws', ['STANDARD_IA', 'INTELLIGENT_TIERING', 'ONEZONE_IA', 'DEEP_ARCHIVE'], 'legal'],
    ['aws', ['STANDARD'], 'illegal'],
    ['aws', ['REDUCED_REDUNDANCY'], 'illegal'],
    ['aws', ['EXPRESS_ONEZONE'], 'illegal'],
    ['aws', ['INTELLIGENT_TIERING', 'STANDARD_IA'], 'illegal'],
    ['aws', ['ONEZONE_IA', 'GLACIER_IR'], 'illegal'],
    ['aws', ['ONEZONE_IA', 'INTELLIGENT_TIERING'], 'illegal'],
    ['aws', ['GLACIER', 'GLACIER_IR'], 'illegal'],
    ['aws', ['DEEP_ARCHIVE', 'GLACIER'], 'illegal'],
    ['azure', ['Cool', 'Cold', 'Archive'], 'legal'],
    ['azure', ['Archive', 'Cool'], 'illegal'],
    ['azure', ['Hot'], 'illegal'],
    ['gcs', ['NEARLINE', 'COLDLINE', 'ARCHIVE'], 'legal'],
    ['gcs', ['ARCHIVE', 'NEARLINE'], 'illegal'],
    ['huawei-obs', ['STANDARD_IA', 'GLACIER'], 'legal'],
    ['alibaba-oss', ['GLACIER', 'STANDARD_IA'], 'illegal'],
    ['cloudflare-r2', ['STANDARD_IA'], 'legal'],
    ['minio', ['REDUCED_REDUNDANCY'], 'legal'],
    ['filesystem', ['STANDARD'], 'illegal'],
  ])('%s %j is %s', (vendor, classes, verdict) => {
    const steps = classes.map((name, index): [number, string] => [(index + 1) * 400, name]);
    expect(violationsOf(vendor, going(...steps)).length > 0 ? 'illegal' : 'legal').toBe(verdict);
  });

  it('says from where to where', () => {
    expect(violationsOf('aws', going([1, 'ONEZONE_IA'], [100, 'GLACIER_IR']))).toEqual([
      {
        path: 'rules[0].transitions[1].storageClass',
        message: 'aws lets no rule go from ONEZONE_IA to GLACIER_IR; from there: GLACIER, DEEP_ARCHIVE',
      },
    ]);
  });

  it.each<[string, Vendor, object[], number]>([
    ['a warmer tier at home', 'aws', [{ days: 1, tier: 'Gold' }], 1],
    ['the same, the home named', 'aws', [{ days: 1, tier: 'Gold', backend: 'aws-eu' }], 1],
    [
      'another tier of one class',
      'filesystem',
      [
        { days: 1, tier: 'Silver' },
        { days: 2, tier: 'Bronze' },
      ],
      0,
    ],
    ['the standard class of another backend', 'azure', [{ days: 1, storageClass: 'STANDARD', backend: 'fs' }], 0],
    ['a class judged by the other vendor', 'azure', [{ days: 1, storageClass: 'Cool', backend: 'fs' }], 1],
    [
      'a step that stays where the last one went',
      'azure',
      [
        { days: 1, tier: 'Gold', backend: 'aws-us' },
        { days: 40, storageClass: 'GLACIER' },
      ],
      0,
    ],
    [
      'the same class at another backend',
      'aws',
      [
        { days: 40, tier: 'Silver' },
        { days: 80, tier: 'Silver', backend: 'aws-us' },
      ],
      0,
    ],
    [
      'warmer at another backend of one vendor',
      'aws',
      [
        { days: 40, tier: 'Silver' },
        { days: 80, tier: 'Gold', backend: 'aws-us' },
      ],
      1,
    ],
    [
      'away from an archive',
      'azure',
      [
        { days: 1, storageClass: 'Archive' },
        { days: 400, tier: 'Gold', backend: 'fs' },
      ],
      1,
    ],
  ])('%s', (_, vendor, transitions, count) => expect(violationsOf(vendor, rule({ transitions }))).toHaveLength(count));
});

describe('what an author is told but not refused', () => {
  const step = (days: number, storageClass: string) => ({ days, storageClass });
  it.each<[string, Vendor, object, string]>([
    [
      'a stay shorter than billed',
      'gcs',
      { transitions: [step(1, 'NEARLINE'), step(20, 'ARCHIVE')] },
      'after 19 days; gcs bills for 30',
    ],
    [
      'an end sooner than billed',
      'azure',
      { transitions: [step(1, 'Cool')], expiration: { days: 10 } },
      'after 9 days; azure bills for 30',
    ],
    [
      'the same by dates',
      'azure',
      { transitions: [{ date: '2027-01-01', tier: 'Silver' }], expiration: { date: '2027-01-11' } },
      'after 10 days',
    ],
    [
      'infrequent access before 30 days',
      'aws',
      { transitions: [step(29, 'STANDARD_IA')] },
      '30 days before STANDARD_IA',
    ],
    ['a class that must be restored', 'azure', { transitions: [step(1, 'Archive')] }, 'must be restored before'],
    [
      'a class few objects reach',
      'aws',
      { transitions: [{ days: 1, tier: 'Gold', backend: 'aws-us' }] },
      'stay where they are',
    ],
  ])('%s', (_, vendor, over, message) => {
    expect(warningsOf(vendor, over)).toEqual([
      { path: expect.stringContaining('rules[0].transitions[0]'), message: expect.stringContaining(message) },
    ]);
  });

  it('nothing, when every stay is long enough', () => {
    expect(
      warningsOf('gcs', { transitions: [step(30, 'NEARLINE'), step(60, 'COLDLINE')], expiration: { days: 150 } }),
    ).toEqual([]);
  });
});

describe('validation of anything at all', () => {
  const moment = fc.oneof(fc.record({ days: fc.nat(400) }), fc.record({ date: fc.constantFrom('2027-01-01', 'x') }));
  const target = fc.oneof(
    fc.record({ storageClass: fc.constantFrom('STANDARD', 'cool', 'GLACIER', 'NEARLINE') }),
    fc.record({ tier: fc.constantFrom('gold', 'Silver', 'Tin') }),
  );
  const place = fc.constantFrom({}, { backend: 'fs' }, { backend: 'aws-us' }, { backend: 'none' });
  const transition = fc.tuple(moment, target, place).map((parts): object => Object.assign({}, ...parts) as object);
  const some = fc.record(
    {
      id: fc.constantFrom('a', 'b', ''),
      enabled: fc.boolean(),
      filter: fc.constantFrom({}, { prefix: 'a' }, { tags: {} }, 7),
      expiration: moment,
      transitions: fc.array(transition, { maxLength: 3 }),
    },
    { requiredKeys: ['id', 'enabled', 'filter'] },
  );

  it('never throws, and what it accepts it accepts again unchanged', () => {
    const rules = fc.oneof(fc.array(some, { maxLength: 3 }), fc.jsonValue());
    fc.assert(
      fc.property(rules, fc.constantFrom(...VENDORS), (given, vendor) => {
        const verdict = validateLifecycle({ rules: given }, context(vendor));
        if ('rules' in verdict) expect(validateLifecycle({ rules: verdict.rules }, context(vendor))).toEqual(verdict);
        else expect(verdict.violations.length).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });
});
