import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seedOfThisRun } from './seed.mjs';

const GIVEN = process.env['SPUMONI_TEST_SEED'];

/** The examples that a property is tried with. */
function examplesOf(parameters?: fc.Parameters<[number]>): readonly number[] {
  const seen: number[] = [];
  const property = fc.property(fc.nat(), (example) => void seen.push(example));
  fc.assert(property, parameters);
  return seen;
}

describe('what random tests choose', () => {
  afterEach(() => {
    if (GIVEN === undefined) delete process.env['SPUMONI_TEST_SEED'];
    else process.env['SPUMONI_TEST_SEED'] = GIVEN;
  });

  it('is the same in every run of the gate, without a property that says so', () => {
    delete process.env['SPUMONI_TEST_SEED'];
    expect(seedOfThisRun()).toBe(20_251_122);
    expect(examplesOf()).toEqual(examplesOf({ seed: 20_251_122 }));
    expect(fc.sample(fc.nat(), 5)).toEqual(examplesOf().slice(0, 5));
    expect(examplesOf()).not.toEqual(examplesOf({ seed: 1 }));
  });

  it('is another where another seed is asked for, which a failure tells', () => {
    process.env['SPUMONI_TEST_SEED'] = '-7';
    expect(examplesOf()).toEqual(examplesOf({ seed: -7 }));
    const fails = fc.property(fc.nat(), () => false);
    expect(() => fc.assert(fails)).toThrow(/seed: -7, path: "0/);
    expect(fc.check(fails).seed).toBe(-7);
    process.env['SPUMONI_TEST_SEED'] = 'seven';
    expect(() => fc.assert(fails)).toThrow('SPUMONI_TEST_SEED is seven: expected a whole number');
  });
});
