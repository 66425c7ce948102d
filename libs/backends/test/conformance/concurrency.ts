import { expect } from '@jest/globals';
import { isBackendError } from '../../src/index.js';
import type { WriteResult } from '../../src/index.js';
import { bytesOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { PLAIN, type Stage } from './stage.js';

/** A writer that lost the race may be told so; any other failure is a defect. */
async function writeAs(stage: Stage, key: string, seed: number): Promise<WriteResult | undefined> {
  const attributes = { ...PLAIN, metadata: { seed: String(seed) }, writeId: `write-${seed}` };
  try {
    return await stage.put(key, bytesOf(seed, 10_000 + seed), { attributes });
  } catch (error) {
    if (isBackendError(error, 'conflict') || isBackendError(error, 'precondition')) return undefined;
    throw error;
  }
}

async function race(stage: Stage, key: string, seeds: readonly number[]): Promise<void> {
  const results = await Promise.all(seeds.map((seed) => writeAs(stage, key, seed)));
  const { head, bytes } = await stage.read(key);
  const seed = Number(head.metadata['seed']);
  expect(seeds).toContain(seed);
  expect(head.writeId).toBe(`write-${seed}`);
  expect(bytes.equals(bytesOf(seed, 10_000 + seed))).toBe(true);
  expect(results[seeds.indexOf(seed)]?.token).toBe(head.token);
  if (!stage.coexist) return;
  for (const [index, result] of results.entries()) {
    const own = seeds[index] ?? 0;
    const { bytes: mine } = await stage.read(key, result?.token);
    expect(mine.equals(bytesOf(own, 10_000 + own))).toBe(true);
  }
}

export const concurrencyCases: readonly ConformanceCase[] = [
  {
    id: 'concurrency/one-key',
    title: 'bytes and attributes of the winner of two concurrent writes belong together, in 20 rounds',
    timeoutMs: 120_000,
    async run(stage) {
      const key = stage.key('one-key');
      for (let round = 0; round < 20; round++) await race(stage, key, [2 * round, 2 * round + 1]);
    },
  },
  {
    id: 'concurrency/many-keys',
    title: '50 concurrent writes of different keys are all kept',
    timeoutMs: 60_000,
    async run(stage) {
      const base = stage.key('many');
      const written = await Promise.all(
        Array.from({ length: 50 }, async (_, n) => {
          const key = `${base}-${n}`;
          return { key, n, token: (await stage.put(key, bytesOf(n, 2000 + n))).token };
        }),
      );
      for (const { key, n, token } of written)
        expect((await stage.read(key, token)).bytes.equals(bytesOf(n, 2000 + n))).toBe(true);
      expect(await stage.list('current', base)).toHaveLength(50);
    },
  },
];
