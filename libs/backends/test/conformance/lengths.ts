import { expect } from '@jest/globals';
import { digestOf, digestOfSeed, streamOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { failure, type Stage } from './stage.js';

async function streamed(stage: Stage, seed: number, length: number, known: boolean): Promise<void> {
  const key = stage.key(`streamed-${length}`);
  const size = known ? { size: length } : {};
  const written = await stage.put(key, streamOf(seed, length), size);
  expect(written.size).toBe(length);
  const answer = await stage.backend.get(stage.call(), {
    container: stage.container,
    key,
    token: written.token,
    transientChunks: true,
  });
  expect(answer.head.size).toBe(length);
  const expected = await digestOfSeed(seed, length);
  expect(await digestOf(answer.body)).toEqual(expected);
  if (written.md5 !== undefined) expect(written.md5).toBe(expected.md5);
  expect((await stage.list('everything', key)).map((entry) => entry.kind)).toEqual(['object']);
}

/** Streams of unknown length; without multipart they must be refused, not cut or collected in memory. */
async function unknown(stage: Stage, seed: number, length: number): Promise<void> {
  if (stage.backend.capabilities.multipart) {
    await streamed(stage, seed, length, false);
    return;
  }
  await failure(stage.put(stage.key('unknown'), streamOf(seed, length)), 'unsupported');
}

const MINUTES = 2 * 60_000;

export const lengthCases: readonly ConformanceCase[] = [
  {
    id: 'lengths/known-small',
    title: 'a stream of known length, in many chunks',
    run: (stage) => streamed(stage, 41, 300_000, true),
  },
  {
    id: 'lengths/known-empty',
    title: 'a stream of known length 0',
    run: (stage) => streamed(stage, 42, 0, true),
  },
  {
    id: 'lengths/known-big',
    title: 'a large stream of known length',
    timeoutMs: MINUTES,
    run: (stage) => streamed(stage, 43, stage.bigObjectBytes, true),
  },
  {
    id: 'lengths/unknown-empty',
    title: 'a stream of unknown length that turns out empty',
    run: (stage) => unknown(stage, 44, 0),
  },
  {
    id: 'lengths/unknown-small',
    title: 'a short stream of unknown length',
    run: (stage) => unknown(stage, 45, 70_000),
  },
  {
    id: 'lengths/unknown-big',
    title: 'a large stream of unknown length',
    timeoutMs: MINUTES,
    run: (stage) => unknown(stage, 46, stage.bigObjectBytes),
  },
  {
    id: 'lengths/unknown-one-mib',
    title: 'a stream of unknown length that ends on a block boundary',
    run: (stage) => unknown(stage, 47, 8 * 1024 * 1024),
  },
];
