import { describe, expect, it } from '@jest/globals';
import { Renewed } from '../src/identity/index.js';
import type { Grant } from '../src/identity/index.js';

const call = { requestId: 'test' };
const HOUR = 3_600_000;

interface Numbered extends Grant {
  readonly number: number;
}

/** Grants of an hour each, numbered; `fail` makes the next fetches fail. */
function grants(lifeMs?: number) {
  const state = { now: 1_000_000_000, fetched: 0, fail: false };
  const renewed = new Renewed<Numbered>({
    backend: 'b',
    now: () => state.now,
    fetch: async () => {
      state.fetched += 1;
      const number = state.fetched;
      await Promise.resolve();
      if (state.fail) throw new Error('out');
      return lifeMs === undefined ? { number } : { number, expiresAt: state.now + lifeMs };
    },
  });
  const number = async (): Promise<number> => (await renewed.get(call)).number;
  return { state, renewed, number };
}

describe('a grant that ends', () => {
  it('is fetched once for all who ask at once, and kept until five minutes before its end', async () => {
    const { state, number } = grants(HOUR);
    expect(new Set(await Promise.all(Array.from({ length: 50 }, number)))).toEqual(new Set([1]));
    state.now += HOUR - 5 * 60_000 - 1;
    expect(await number()).toBe(1);
    state.now += 1;
    expect(await Promise.all([number(), number(), number()])).toEqual([2, 2, 2]);
    expect(state.fetched).toBe(2);
  });

  it('is used for half its life at least, however short that is', async () => {
    const { state, number } = grants(60_000);
    await number();
    state.now += 29_999;
    expect(await number()).toBe(1);
    state.now += 1;
    expect(await number()).toBe(2);
  });

  it('is used to its end while nobody gives another, who is asked again every ten seconds', async () => {
    const { state, number } = grants(HOUR);
    await number();
    state.fail = true;
    state.now += HOUR - 60_000;
    expect(await number()).toBe(1);
    expect(await number()).toBe(1);
    expect(state.fetched).toBe(2);
    state.now += 10_000;
    expect(await number()).toBe(1);
    expect(state.fetched).toBe(3);
    state.now += 50_000;
    await expect(number()).rejects.toThrow('out');
    state.fail = false;
    expect(await number()).toBe(5);
  });

  it('is fetched anew once after it was refused, and not again at once', async () => {
    const { state, renewed, number } = grants();
    await number();
    state.now += 10_000;
    const first = (grant: Numbered): boolean => grant.number === 1;
    expect(renewed.refused(first)).toBe(true);
    expect(await Promise.all([number(), number()])).toEqual([2, 2]);
    // Others who used the first one hear of its end only now.
    expect(renewed.refused(first)).toBe(true);
    expect(await number()).toBe(2);
    expect(renewed.refused(({ number: it }) => it === 2)).toBe(false);
    expect(await number()).toBe(2);
  });
});
