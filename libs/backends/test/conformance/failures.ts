import { expect } from '@jest/globals';
import { brokenStream, bytesOf, streamOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { causes, failure, type Stage } from './stage.js';

/** A write over a standing object that must fail, and must leave that object and nothing else. */
async function changesNothing(stage: Stage, name: string, attempt: (key: string) => Promise<void>): Promise<void> {
  const fresh = stage.key(`${name}-fresh`);
  await attempt(fresh);
  await stage.expectNothing(fresh);
  const key = stage.key(name);
  const standing = bytesOf(121, 777);
  await stage.put(key, standing);
  await attempt(key);
  await stage.expectOnly(key, standing);
}

const lengthCases = (['buffer', 'stream'] as const).flatMap((form) =>
  [-1, 1, -60_000].map((difference): ConformanceCase => {
    const real = 100_000;
    const way = difference < 0 ? `${-difference} bytes shorter` : 'a byte longer';
    return {
      id: `failures/${form}-${difference < 0 ? `shorter-${-difference}` : 'longer'}`,
      title: `a ${form} ${way} than its size is invalid and stores nothing`,
      run: (stage) =>
        changesNothing(stage, 'length', async (key) => {
          const body = form === 'buffer' ? bytesOf(122, real) : streamOf(122, real);
          await failure(stage.put(key, body, { size: real - difference }), 'invalid');
        }),
    };
  }),
);

export const failureCases: readonly ConformanceCase[] = [
  ...lengthCases,
  {
    id: 'failures/empty-body',
    title: 'an empty stream where bytes were promised is invalid and stores nothing',
    run: (stage) =>
      changesNothing(stage, 'empty', async (key) => {
        await failure(stage.put(key, streamOf(123, 0), { size: 10 }), 'invalid');
      }),
  },
  {
    id: 'failures/big-stream-shorter',
    title: 'a large stream a byte shorter than its size is invalid and stores nothing',
    timeoutMs: 120_000,
    run: (stage) =>
      changesNothing(stage, 'big-length', async (key) => {
        const size = stage.bigObjectBytes;
        await failure(stage.put(key, streamOf(124, size - 1), { size }), 'invalid');
      }),
  },
  {
    id: 'failures/body-throws-known',
    title: 'a body of known length that throws stores nothing, and its error is the cause',
    run: (stage) =>
      changesNothing(stage, 'throws', async (key) => {
        const error = new Error('the client vanished');
        const failed = await failure(stage.put(key, brokenStream(125, 150_000, error), { size: 400_000 }));
        expect(causes(failed)).toContain(error);
      }),
  },
  {
    id: 'failures/body-throws-at-once',
    title: 'a body that throws before its first byte stores nothing',
    run: (stage) =>
      changesNothing(stage, 'throws-at-once', async (key) => {
        const error = new Error('nothing came');
        const failed = await failure(stage.put(key, brokenStream(126, 0, error), { size: 10 }));
        expect(causes(failed)).toContain(error);
      }),
  },
  {
    id: 'failures/body-throws-unknown',
    title: 'a large body of unknown length that throws stores nothing and leaves no part behind',
    timeoutMs: 120_000,
    run: (stage) =>
      changesNothing(stage, 'throws-unknown', async (key) => {
        if (!stage.backend.capabilities.multipart) return;
        const error = new Error('the client vanished late');
        const failed = await failure(stage.put(key, brokenStream(127, stage.bigObjectBytes - 5, error)));
        expect(causes(failed)).toContain(error);
      }),
  },
  {
    id: 'failures/body-closed',
    title: 'a body that is not wanted to its end is told so',
    async run(stage) {
      let closed = false;
      async function* body(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield bytesOf(128, 10_000);
        } finally {
          closed = true;
          await Promise.resolve();
        }
      }
      await failure(stage.put(stage.key('closed'), body(), { size: 25_000 }), 'invalid');
      expect(closed).toBe(true);
    },
  },
];
