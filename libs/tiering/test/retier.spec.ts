import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { VENDORS } from '#libs/naming';
import {
  classFor,
  defaultStorageClass,
  findStorageClass,
  judgeRetier,
  needsRestore,
  retierFees,
  retierWarnings,
  storageClassesOf,
  type RetierSubject,
  type TierPolicy,
} from '#libs/tiering';

const NOW = new Date('2026-11-21T00:00:00Z');
const DAY = 86_400_000;
const vendor = fc.constantFrom(...VENDORS);
const name = fc.constantFrom('Gold', 'Silver', 'Frozen');

const policy: fc.Arbitrary<TierPolicy> = fc
  .record({ name, picks: fc.array(fc.nat(), { minLength: VENDORS.length, maxLength: VENDORS.length }) })
  .map(({ name: of, picks }) => ({
    name: of,
    description: '',
    classes: Object.fromEntries(
      VENDORS.map((one, n) => {
        const classes = storageClassesOf(one);
        return [one, classes[(picks[n] ?? 0) % classes.length]?.name ?? ''];
      }),
    ),
    attributes: {},
    backends: [],
  }));

const subject: fc.Arbitrary<RetierSubject> = vendor.chain((of) =>
  fc.record(
    {
      key: fc.constant('k'),
      tags: fc.constant({}),
      backend: fc.constant('home'),
      vendor: fc.constant(of),
      storageClass: fc.constantFrom('', ...storageClassesOf(of).map((one) => one.name)),
      tier: name,
      ownTier: fc.boolean(),
      size: fc.nat(300_000),
      lastModified: fc.nat(400).map((days) => new Date(NOW.getTime() - days * DAY)),
    },
    {
      requiredKeys: ['key', 'tags', 'backend', 'vendor', 'storageClass', 'size', 'lastModified'],
      noNullPrototype: true,
    },
  ),
);

/** The rule in other words: from what is true of the object, not in the order of the code. */
function expected(object: RetierSubject, meant: TierPolicy): string {
  const lies = object.storageClass || defaultStorageClass(object.vendor).name;
  const isRight = lies === classFor(meant, object.vendor);
  const isChosen =
    object.ownTier === true || (object.tier === undefined && lies !== defaultStorageClass(object.vendor).name);
  const cases: [string, boolean][] = [
    ['as-meant', isRight && object.tier === meant.name],
    ['own', isChosen && !(isRight && object.tier === meant.name)],
    ['archived', !isChosen && needsRestore(object.vendor, lies) && !(isRight && object.tier === meant.name)],
    ['name', !isChosen && !needsRestore(object.vendor, lies) && isRight && object.tier !== meant.name],
    ['class', !isChosen && !needsRestore(object.vendor, lies) && !isRight],
  ];
  return cases
    .filter(([, holds]) => holds)
    .map(([kind]) => kind)
    .join();
}

describe('the plan of a retier', () => {
  it('puts every object in exactly one case, whatever the vendor, the class and the policy', () => {
    fc.assert(
      fc.property(subject, policy, (object, meant) => {
        expect(judgeRetier(object, meant).kind).toBe(expected(object, meant));
      }),
      { numRuns: 2_000 },
    );
  });

  it('comes to rest: what was carried out is as meant, and stays so', () => {
    fc.assert(
      fc.property(subject, policy, (object, meant) => {
        const { kind, to } = judgeRetier(object, meant);
        if (kind !== 'class' && kind !== 'name') return;
        const after = { ...object, storageClass: to, tier: meant.name };
        expect(judgeRetier(after, meant)).toEqual({ kind: 'as-meant', from: to, to });
      }),
    );
  });

  it('leaves alone what was chosen for the object itself, and what cannot be read, under every policy', () => {
    fc.assert(
      fc.property(subject, policy, (object, meant) => {
        expect(['own', 'as-meant']).toContain(judgeRetier({ ...object, ownTier: true }, meant).kind);
        if (needsRestore(object.vendor, object.storageClass))
          expect(['class', 'name']).not.toContain(judgeRetier(object, meant).kind);
      }),
    );
  });

  it('knows the fees: days that were promised, bytes that are read, sizes that are too small', () => {
    fc.assert(
      fc.property(subject, policy, (object, meant) => {
        const verdict = judgeRetier(object, meant);
        const fees = retierFees(object, verdict, NOW);
        const days = findStorageClass(object.vendor, verdict.from)?.minimumDays ?? 0;
        expect(fees.early).toBe((NOW.getTime() - object.lastModified.getTime()) / DAY < days);
        expect(fees.retrieval).toBe(days > 0);
        expect(fees.small).toBe(object.size < (findStorageClass(object.vendor, verdict.to)?.minimumBytes ?? 0));
        const warnings = retierWarnings(object.vendor, verdict.from, verdict.to);
        expect(warnings.some((text) => text.includes(`for ${days} days`))).toBe(days > 0);
        expect(warnings.some((text) => text.includes('restored'))).toBe(needsRestore(object.vendor, verdict.to));
      }),
    );
  });

  it('says of Azure what it says of AWS', () => {
    expect(retierWarnings('azure', 'Cool', 'Archive')).toEqual([
      'azure bills Cool for 30 days: what leaves sooner is billed for the rest',
      'azure bills a fee on each GB that is read out of Cool, and a change of class reads it',
      'azure bills Archive for at least 180 days from now on',
      'objects in Archive must be restored before they can be read, or leave that class again',
    ]);
    expect(retierWarnings('aws', 'STANDARD', 'STANDARD')).toEqual([]);
  });
});
