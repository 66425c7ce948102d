import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { Durations } from '../src/operations/durations.js';

const BOUNDS = [0.001, 0.25, 1, 60];
const NAMES = ['backend', 'outcome'] as const;
const about = { name: 'spumoni_test_seconds', help: 'What is tested' };

/** Empty lines mean nothing. */
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe('a histogram of durations', () => {
  it('says what that of prom-client says', async () => {
    const seconds = fc.oneof(fc.constantFrom(...BOUNDS, 0, 61), fc.double({ min: 0, max: 100, noNaN: true }));
    const label = fc.constantFrom('local', 'other', 'say "no"\n\\');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(seconds, label, label), { maxLength: 40 }), async (observations) => {
        const registry = new Registry();
        const reference = new Histogram({ ...about, labelNames: NAMES, buckets: BOUNDS, registers: [registry] });
        const durations = new Durations({ ...about, labelNames: NAMES, bounds: BOUNDS });
        for (const [duration, backend, outcome] of observations) {
          reference.observe({ backend, outcome }, duration);
          durations.observe(duration, [backend, outcome]);
        }
        expect(lines(durations.text())).toEqual(lines(await registry.metrics()));
      }),
    );
  });
});
