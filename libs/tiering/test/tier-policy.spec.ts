import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { S3_PROFILES, VENDORS } from '#libs/naming';
import {
  DEFAULT_TIER_POLICIES,
  classFor,
  defaultStorageClass,
  findStorageClass,
  needsRestore,
  resolveTierOrClass,
  storageClassesOf,
  tierOf,
  validateTierPolicy,
  type TierPolicy,
} from '#libs/tiering';

const vendors = fc.constantFrom(...VENDORS);
const DEEP: TierPolicy = {
  name: 'Deep',
  description: '',
  classes: { aws: 'DEEP_ARCHIVE' },
  attributes: {},
  backends: [],
};

describe('the policies there from the start (A2.2)', () => {
  it('are Gold, Silver and Bronze, each mapping every vendor to a class it has and that is read at once', () => {
    expect(DEFAULT_TIER_POLICIES.map((one) => one.name)).toEqual(['Gold', 'Silver', 'Bronze']);
    for (const policy of DEFAULT_TIER_POLICIES)
      for (const vendor of VENDORS) {
        expect(findStorageClass(vendor, policy.classes[vendor] ?? '')?.name).toBe(policy.classes[vendor]);
        expect(needsRestore(vendor, classFor(policy, vendor))).toBe(false);
      }
  });

  it('pass their own validation unchanged', () => {
    for (const policy of DEFAULT_TIER_POLICIES) expect(validateTierPolicy({ ...policy })).toEqual({ policy });
  });

  it.each([
    ['aws', ['STANDARD', 'STANDARD_IA', 'GLACIER_IR']],
    ['azure', ['Hot', 'Cool', 'Cold']],
    ['gcs', ['STANDARD', 'NEARLINE', 'COLDLINE']],
    ['filesystem', ['STANDARD', 'STANDARD', 'STANDARD']],
    ['minio', ['STANDARD', 'STANDARD', 'STANDARD']],
  ] as const)('give %s %j', (vendor, classes) => {
    expect(DEFAULT_TIER_POLICIES.map((policy) => classFor(policy, vendor))).toEqual(classes);
  });
});

describe('the class of a policy and the policy of a class (A2.6)', () => {
  it('an unmapped vendor gets its default class', () => {
    fc.assert(
      fc.property(vendors, (vendor) => {
        if (vendor !== 'aws') expect(classFor(DEEP, vendor)).toBe(defaultStorageClass(vendor).name);
      }),
    );
  });

  it('tierOf finds back the policy that gave the class, when that one is preferred', () => {
    fc.assert(
      fc.property(vendors, fc.constantFrom(...DEFAULT_TIER_POLICIES), (vendor, policy) => {
        const storageClass = classFor(policy, vendor);
        expect(tierOf(DEFAULT_TIER_POLICIES, vendor, storageClass, policy.name.toUpperCase())).toBe(policy.name);
        const unasked = tierOf(DEFAULT_TIER_POLICIES, vendor, storageClass);
        const named = DEFAULT_TIER_POLICIES.find((one) => one.name === unasked);
        expect(named && classFor(named, vendor)).toBe(storageClass);
      }),
    );
  });

  it('a preference that does not match the class is passed over; a class of no policy has no tier', () => {
    expect(tierOf(DEFAULT_TIER_POLICIES, 'azure', 'cool', 'Gold')).toBe('Silver');
    expect(tierOf(DEFAULT_TIER_POLICIES, 'azure', 'Archive', 'Gold')).toBeUndefined();
  });
});

describe('a value that may be a tier or a class', () => {
  const resolve = (value: string, vendor: (typeof VENDORS)[number]) =>
    resolveTierOrClass(value, DEFAULT_TIER_POLICIES, vendor);

  it('is a tier by any case', () =>
    expect(resolve('sILVER', 'azure')).toEqual({ tier: 'Silver', storageClass: 'Cool' }));

  it('is any class of the vendor by any case', () => {
    fc.assert(
      fc.property(vendors, fc.nat(), (vendor, pick) => {
        const classes = storageClassesOf(vendor);
        const name = classes[pick % classes.length]?.name ?? '';
        expect(resolve(name.toLowerCase(), vendor)).toEqual({ storageClass: name });
      }),
    );
  });

  it('a tier wins over a class of the same name', () => {
    const archive: TierPolicy = { ...DEEP, name: 'Archive', classes: { azure: 'Cold' } };
    expect(resolveTierOrClass('archive', [archive], 'azure')).toEqual({ tier: 'Archive', storageClass: 'Cold' });
  });

  it('else a violation says what is legal', () => {
    expect(resolve('GLACIER', 'azure')).toEqual({
      violation: {
        field: 'storageClass',
        message:
          '"GLACIER" is neither a tier (Gold, Silver, Bronze) nor a storage class of azure (Hot, Cool, Cold, Archive)',
      },
    });
  });
});

describe('validation of a policy', () => {
  const violationsOf = (input: object) => {
    const verdict = validateTierPolicy({ name: 'Mine', ...input });
    return 'violations' in verdict ? verdict.violations : [];
  };

  it('canonicalises classes, takes gcp for gcs, and any attribute (A2.28)', () => {
    const attributes = { iops: 5000, region: 'eu', immutable: true };
    expect(
      validateTierPolicy({ name: 'Mine', classes: { aws: 'standard_ia', gcp: 'nearline', azure: 'COOL' }, attributes }),
    ).toEqual({
      policy: {
        name: 'Mine',
        description: '',
        classes: { aws: 'STANDARD_IA', gcs: 'NEARLINE', azure: 'Cool' },
        attributes,
        backends: [],
      },
    });
  });

  it('spreads s3 over the profiles that are not named and have the class', () => {
    const verdict = validateTierPolicy({ name: 'Mine', classes: { s3: 'GLACIER', 'huawei-obs': 'WARM' } });
    expect(verdict).toMatchObject({ policy: { classes: { 'huawei-obs': 'STANDARD_IA', 'alibaba-oss': 'GLACIER' } } });
    const all = validateTierPolicy({ name: 'Mine', classes: { s3: 'standard' } });
    const classes = Object.fromEntries(S3_PROFILES.map((profile) => [profile, 'STANDARD']));
    expect(all).toMatchObject({ policy: { classes } });
  });

  it.each([
    [
      'an unknown vendor',
      { classes: { azur: 'Hot' } },
      'classes.azur',
      'unknown vendor "azur"; expected one of aws, azure',
    ],
    [
      'an unknown class',
      { classes: { azure: 'GLACIER' } },
      'classes.azure',
      'expected one of Hot, Cool, Cold, Archive',
    ],
    ['a class that is no text', { classes: { azure: 3 } }, 'classes.azure', '3 is no storage class of azure'],
    ['a class no S3 profile has', { classes: { s3: 'Hot' } }, 'classes.s3', 'minio: STANDARD, REDUCED_REDUNDANCY'],
    ['a vendor named twice', { classes: { gcs: 'ARCHIVE', gcp: 'ARCHIVE' } }, 'classes.gcp', 'gcs is named twice'],
    ['classes that are a list', { classes: [] }, 'classes', 'expected an object'],
    ['an empty name', { name: '' }, 'name', 'expected 1 to 64'],
    ['a name with a slash', { name: 'a/b' }, 'name', 'expected 1 to 64'],
    ['a name too long', { name: 'a'.repeat(65) }, 'name', 'expected 1 to 64'],
    ['a description that is no text', { description: 7 }, 'description', 'expected text'],
    ['an attribute that is a list', { attributes: { region: ['eu'] } }, 'attributes.region', 'expected a text'],
    ['an attribute that is not finite', { attributes: { iops: Infinity } }, 'attributes.iops', 'a finite number'],
    ['backends that are no list', { backends: 'fs' }, 'backends', 'expected a list'],
    ['a backend listed twice', { backends: ['fs', 'fs'] }, 'backends[1]', 'listed twice'],
    ['a field nobody knows', { clases: {} }, 'clases', 'unknown field'],
  ])('refuses %s', (_, input, field, message) => {
    expect(violationsOf(input)).toEqual([{ field, message: expect.stringContaining(message) }]);
  });

  it('says everything at once', () => {
    expect(violationsOf({ name: '', classes: { x: 'y', aws: 'z' }, backends: [1] })).toHaveLength(4);
  });

  it('never throws, and what it accepts it accepts again unchanged', () => {
    const classes = fc.dictionary(
      fc.constantFrom(...VENDORS, 's3', 'gcp', 'x'),
      fc.constantFrom('STANDARD', 'hot', 'Archive', 7),
    );
    const inputs = fc.record(
      {
        name: fc.oneof(fc.constant('Mine'), fc.jsonValue()),
        classes,
        attributes: fc.jsonValue(),
        backends: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(inputs, (input) => {
        const verdict = validateTierPolicy(input);
        if ('policy' in verdict) expect(validateTierPolicy({ ...verdict.policy })).toEqual(verdict);
        else expect(verdict.violations.length).toBeGreaterThan(0);
      }),
    );
  });
});
