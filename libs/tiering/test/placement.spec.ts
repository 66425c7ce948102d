import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { VENDORS } from '#libs/naming';
import { choosePlacement, type PlacementCandidate, type TierPolicy } from '#libs/tiering';

const gold = (over: Partial<TierPolicy> = {}): TierPolicy => ({
  name: 'Gold',
  description: '',
  classes: {},
  attributes: {},
  backends: [],
  ...over,
});
const backend = (name: string, over: Partial<PlacementCandidate> = {}): PlacementCandidate => ({
  name,
  vendor: 'filesystem',
  healthy: true,
  buckets: 0,
  attributes: {},
  ...over,
});

describe('the home of a bucket made with a policy and no backend', () => {
  it('is the first listed backend that is reachable, and the reason says why the others were not', () => {
    const candidates = [backend('fs'), backend('aws-eu', { vendor: 'aws', healthy: false })];
    expect(choosePlacement(gold({ backends: ['aws-eu', 'fs'] }), candidates)).toEqual({
      chosen: 'fs',
      reason: 'Gold lists aws-eu, fs; aws-eu is unreachable; fs chosen',
    });
  });

  it('keeps the order of the list, however many buckets live where', () => {
    const candidates = [backend('a'), backend('b', { buckets: 99 })];
    expect(choosePlacement(gold({ backends: ['b', 'a'] }), candidates)).toMatchObject({ chosen: 'b' });
  });

  it('is never a backend that is not listed', () => {
    expect(choosePlacement(gold({ backends: ['gone'] }), [backend('fs')])).toEqual({
      refused: 'Gold lists gone; gone is not registered; none is left',
    });
  });

  it('without a list is the backend with the fewest buckets, then the first by name', () => {
    expect(choosePlacement(gold(), [backend('a', { buckets: 2 }), backend('b', { buckets: 1 })])).toEqual({
      chosen: 'b',
      reason: 'Gold lists no backend; b has the fewest buckets (1); b chosen',
    });
    expect(choosePlacement(gold(), [backend('b'), backend('a')])).toEqual({
      chosen: 'a',
      reason: 'Gold lists no backend; a has 0 buckets, no more than any other, and the first name; a chosen',
    });
  });

  it('must not state an attribute that differs, the region included; silence is no difference (A2.28)', () => {
    const policy = gold({ attributes: { region: 'eu', iops: 5000 } });
    const candidates = [
      backend('us', { region: 'us' }),
      backend('slow', { region: 'eu', attributes: { iops: 100 } }),
      backend('quiet', { buckets: 9 }),
    ];
    expect(choosePlacement(policy, candidates)).toEqual({
      chosen: 'quiet',
      reason:
        'Gold lists no backend; slow has iops 100, not 5000; us has region us, not eu; quiet is the only one that fits; quiet chosen',
    });
  });

  it('must be at a vendor that has the class of the policy', () => {
    const policy = gold({ classes: { filesystem: 'GLACIER' } });
    expect(choosePlacement(policy, [backend('fs')])).toEqual({
      refused: 'Gold lists no backend; fs has no class GLACIER (filesystem); none is left',
    });
  });

  it('is refused with a reason when nothing is registered', () => {
    expect(choosePlacement(gold(), [])).toEqual({ refused: 'Gold lists no backend, and no backend is registered' });
  });

  it('agrees with the plain rule, and does not depend on the order of the candidates', () => {
    const names = ['a', 'b', 'c', 'd'];
    const candidate = fc.record({
      name: fc.constantFrom(...names),
      vendor: fc.constantFrom(...VENDORS),
      region: fc.constantFrom('eu', 'us'),
      healthy: fc.boolean(),
      buckets: fc.nat(2),
      attributes: fc.constant({}),
    });
    const policies = fc.record({
      backends: fc.uniqueArray(fc.constantFrom(...names)),
      attributes: fc.constantFrom<Record<string, string>>({}, { region: 'eu' }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(candidate, { selector: (one) => one.name }), policies, (candidates, over) => {
        const policy = gold(over);
        const fits = candidates.filter(
          (one) => one.healthy && one.region === (over.attributes['region'] ?? one.region),
        );
        const expected =
          over.backends.length > 0
            ? over.backends.find((name) => fits.some((one) => one.name === name))
            : fits.toSorted((x, y) => x.buckets - y.buckets || x.name.localeCompare(y.name))[0]?.name;
        const placed = choosePlacement(policy, candidates);
        expect('chosen' in placed ? placed.chosen : undefined).toBe(expected);
        expect(choosePlacement(policy, candidates.toReversed())).toEqual(placed);
      }),
    );
  });
});
