import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { etaSeconds, ProgressMeter, RATE_WINDOW_MS, ratesOver, type ProgressSample } from '../src/progress.js';

const unknown = { rate: null, objectRate: null };

describe('the rate', () => {
  it('is unknown until samples span half a second', () => {
    expect(ratesOver([], 0)).toEqual(unknown);
    expect(ratesOver([{ at: 0, objects: 0, bytes: 0 }], 0)).toEqual(unknown);
    const near = [
      { at: 0, objects: 0, bytes: 0 },
      { at: 499, objects: 9, bytes: 9 },
    ];
    expect(ratesOver(near, 499)).toEqual(unknown);
  });

  it('of a steady job is its speed, whenever it is asked, and forgets what lies before the window', () => {
    const speed = fc.nat({ max: 1_000_000 });
    const gaps = fc.array(fc.integer({ min: 500, max: 2_000 }), { minLength: 2, maxLength: 50 });
    fc.assert(
      fc.property(speed, gaps, (bytesPerMs, steps) => {
        let at = 0;
        const samples: ProgressSample[] = [{ at: -RATE_WINDOW_MS, objects: 0, bytes: 1e12 }];
        for (const step of steps) samples.push({ at: (at += step), objects: at, bytes: at * bytesPerMs });
        const { rate, objectRate } = ratesOver(samples, at);
        expect(rate).toBeCloseTo(bytesPerMs * 1_000, 3);
        expect(objectRate).toBeCloseTo(1_000, 3);
      }),
    );
  });
});

describe('the time left', () => {
  const count = (total: number, done: number, failed = 0) => ({ total, done, failed });

  it('is the longer of what bytes and objects need', () => {
    expect(etaSeconds(count(10, 5), count(100, 50), { rate: 10, objectRate: 1 })).toBe(5);
    expect(etaSeconds(count(10, 5), count(1000, 0), { rate: 10, objectRate: 1 })).toBe(100);
  });

  it('is unknown without a rate, and nothing when nothing is left', () => {
    expect(etaSeconds(count(10, 5), count(100, 50), unknown)).toBeNull();
    expect(etaSeconds(count(10, 5), count(100, 50), { rate: 0, objectRate: 0 })).toBeNull();
    expect(etaSeconds(count(10, 8, 2), count(0, 0), unknown)).toBe(0);
  });
});

describe('a meter', () => {
  it('goes on where an earlier run ended, and its rate counts this run alone', () => {
    let at = 0;
    const clock = { now: () => 1_000 + at, monotonic: () => at };
    const first = new ProgressMeter(clock);
    first.setTotal(4, 400);
    first.addDone(100);
    const saved = first.read();
    expect(saved).toMatchObject({ objects: { total: 4, done: 1, failed: 0 }, rate: null, startedAt: 1_000 });
    const second = new ProgressMeter(clock, saved);
    at = 2_000;
    second.addDone(100);
    second.addFailed(100);
    expect(second.read()).toEqual({
      objects: { total: 4, done: 2, failed: 1 },
      bytes: { total: 400, done: 200, failed: 100 },
      startedAt: 1_000,
      rate: 100,
      objectRate: 1,
      etaSeconds: 1,
    });
  });
});
