import { expect } from '@jest/globals';
import fc from 'fast-check';
import { bytesOf, collect } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import type { Stage } from './stage.js';

async function readRange(stage: Stage, key: string, range: { start: number; end: number }): Promise<Buffer> {
  const answer = await stage.backend.get(stage.call(), { container: stage.container, key, range });
  return await collect(answer.body);
}

export const rangeCases: readonly ConformanceCase[] = [
  {
    id: 'ranges/edges',
    title: 'the first byte, the last, the middle and the whole',
    async run(stage) {
      const size = 300_001;
      const key = stage.key('edges');
      const body = bytesOf(31, size);
      await stage.put(key, body);
      const edges = [
        [0, 0],
        [size - 1, size - 1],
        [100_000, 250_000],
        [0, size - 1],
        [1, size - 2],
      ] as const;
      for (const [start, end] of edges)
        expect((await readRange(stage, key, { start, end })).equals(body.subarray(start, end + 1))).toBe(true);
    },
  },
  {
    id: 'ranges/head',
    title: 'the head beside a range is the head of the whole object',
    async run(stage) {
      const key = stage.key('range-head');
      const { token } = await stage.put(key, bytesOf(32, 1000), {
        attributes: { headers: { contentType: 'text/x-range' }, metadata: { a: 'b' }, tags: {} },
      });
      const request = { container: stage.container, key, token, range: { start: 10, end: 19 } };
      const answer = await stage.backend.get(stage.call(), request);
      expect((await collect(answer.body)).length).toBe(10);
      expect(answer.head).toMatchObject({ size: 1000, token, metadata: { a: 'b' } });
      expect(answer.head.headers.contentType).toBe('text/x-range');
    },
  },
  {
    id: 'ranges/any',
    title: 'any range inside the object is exactly those bytes',
    async run(stage) {
      const size = 150_003;
      const key = stage.key('any-range');
      const body = bytesOf(33, size);
      await stage.put(key, body);
      const offset = fc.nat({ max: size - 1 });
      await fc.assert(
        fc.asyncProperty(offset, offset, async (one, other) => {
          const range = { start: Math.min(one, other), end: Math.max(one, other) };
          const got = await readRange(stage, key, range);
          return got.equals(body.subarray(range.start, range.end + 1));
        }),
        { numRuns: 30 },
      );
    },
  },
];
