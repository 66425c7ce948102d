import { expect } from '@jest/globals';
import { withDeadline } from '../../src/index.js';
import { bytesOf, collect, streamOf } from './bytes.js';
import type { ConformanceCase } from './conformance-case.js';
import { failure, PLAIN } from './stage.js';
import type { Stage } from './stage.js';

/** Yields the first half, then aborts and goes on. */
async function* abortingStream(length: number, controller: AbortController): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of streamOf(131, length)) {
    yield chunk;
    sent += chunk.length;
    if (sent >= length / 2 && !controller.signal.aborted) controller.abort(new Error('given up'));
  }
}

/** Yields so many bytes and then nothing more, without an end. */
async function* silentStream(length: number): AsyncGenerator<Uint8Array> {
  yield* streamOf(136, length);
  await new Promise(() => undefined);
}

async function abortedPut(stage: Stage, length: number, known: boolean): Promise<void> {
  const key = stage.key('aborted-put');
  const standing = bytesOf(132, 99);
  await stage.put(key, standing);
  const controller = new AbortController();
  const call = stage.call({ signal: controller.signal });
  const size = known ? { size: length } : {};
  await failure(stage.put(key, abortingStream(length, controller), { call, ...size }), 'timeout', 'unavailable');
  await stage.expectOnly(key, standing);
}

/** Reads one chunk of each and stops, more often than any pool has connections. */
async function stopEarly(stage: Stage, stop: 'iterate' | 'discard'): Promise<void> {
  const key = stage.key(`stopped-${stop}`);
  const size = 2 * 1024 * 1024;
  const { token } = await stage.put(key, bytesOf(133, size));
  const request = { container: stage.container, key, token };
  for (let round = 0; round < 150; round++) {
    const answer = await stage.backend.get(stage.call(), request);
    if (stop === 'discard') answer.discard();
    else for await (const chunk of answer.body) if (chunk.length > 0) break;
  }
  const whole = await stage.backend.get(stage.call(), request);
  expect((await collect(whole.body)).equals(bytesOf(133, size))).toBe(true);
}

export const cancellationCases: readonly ConformanceCase[] = [
  {
    id: 'cancellation/aborted-before',
    title: 'a call that is already aborted does nothing',
    async run(stage) {
      const key = stage.key('aborted-before');
      const call = stage.call({ signal: AbortSignal.abort(new Error('given up')) });
      await failure(stage.put(key, bytesOf(134, 10), { call }), 'timeout', 'unavailable');
      await stage.expectNothing(key);
      await failure(stage.backend.get(call, { container: stage.container, key }), 'timeout', 'unavailable');
    },
  },
  {
    id: 'cancellation/put-known',
    title: 'an upload of known length that is aborted stores nothing and leaves nothing',
    run: (stage) => abortedPut(stage, 3_000_000, true),
  },
  {
    id: 'cancellation/put-unknown',
    title: 'an upload of unknown length that is aborted stores nothing and leaves no part behind',
    timeoutMs: 120_000,
    async run(stage) {
      if (stage.backend.capabilities.multipart) await abortedPut(stage, stage.bigObjectBytes, false);
    },
  },
  {
    id: 'cancellation/get',
    title: 'a download that is aborted throws, and never ends as if it were complete',
    async run(stage) {
      const key = stage.key('aborted-get');
      const size = 8 * 1024 * 1024;
      const { token } = await stage.put(key, bytesOf(135, size));
      const controller = new AbortController();
      const call = stage.call({ signal: controller.signal });
      const answer = await stage.backend.get(call, { container: stage.container, key, token });
      const reading = (async () => {
        for await (const chunk of answer.body)
          if (chunk.length > 0 && !controller.signal.aborted) controller.abort(new Error('given up'));
      })();
      await failure(reading, 'timeout', 'unavailable');
    },
  },
  {
    id: 'cancellation/deadline',
    title: 'an upload whose body falls silent ends at its deadline and leaves nothing',
    async run(stage) {
      const key = stage.key('deadline');
      const limits = { answerMs: 30_000, idleMs: 30_000 };
      const limited = withDeadline(stage.backend, limits);
      const request = {
        container: stage.container,
        key,
        body: silentStream(200_000),
        size: 400_000,
        attributes: PLAIN,
      };
      await failure(limited.put(stage.call({ deadlineMs: 500 }), request), 'timeout');
      for (let tries = 0; tries < 1_800 && (await stage.list('everything', key)).length > 0; tries++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      await stage.expectNothing(key);
    },
  },
  {
    id: 'cancellation/stop-reading',
    title: 'a reader that stops early frees its connection',
    timeoutMs: 120_000,
    run: (stage) => stopEarly(stage, 'iterate'),
  },
  {
    id: 'cancellation/discard',
    title: 'a body that is discarded frees its connection',
    timeoutMs: 120_000,
    run: (stage) => stopEarly(stage, 'discard'),
  },
];
