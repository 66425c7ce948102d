import { describe, expect, it } from '@jest/globals';
import { FaultPlan, withDeadline, withFaults, wrapBackend } from '../src/index.js';
import type { ObjectBackend } from '../src/index.js';
import { CALL, CONTAINER, ManualTimers, memory, textOf, write } from './wrappers-fixture.js';

function limited(backend: ObjectBackend): { backend: ObjectBackend; timers: ManualTimers } {
  const timers = new ManualTimers();
  return { backend: withDeadline(backend, { answerMs: 1000, idleMs: 300, timers }), timers };
}

async function* forever(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('first');
  await new Promise(() => undefined);
}

describe('withDeadline', () => {
  it('ends a call that has no answer in time, and aborts it', async () => {
    const plan = new FaultPlan().on('head', 1, { kind: 'hang' });
    const { backend, timers } = limited(withFaults(await memory(), plan));
    const attempt = backend.head(CALL, { container: CONTAINER, key: 'k' });
    await plan.isHeld('head');
    timers.pass(999);
    expect(timers.running).toBe(1);
    timers.pass(1);
    await expect(attempt).rejects.toMatchObject({ kind: 'timeout' });
    expect(timers.running).toBe(0);
  });

  it('takes the deadline of the call before the default', async () => {
    const plan = new FaultPlan().on('list', 1, { kind: 'hang' });
    const { backend, timers } = limited(withFaults(await memory(), plan));
    const call = { ...CALL, deadlineMs: 5 };
    const attempt = backend.list(call, { container: CONTAINER, include: 'current', limit: 1 });
    await plan.isHeld('list');
    timers.pass(5);
    await expect(attempt).rejects.toMatchObject({ kind: 'timeout', message: expect.stringContaining('5 ms') });
  });

  it('answers the caller even if the backend ignores its signal, and discards what comes late', async () => {
    const inner = await memory();
    await inner.put(CALL, write('k', 'text'));
    let tell: () => void = () => undefined;
    const discarded = new Promise<void>((resolve) => (tell = resolve));
    let arrive: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (arrive = resolve));
    const deaf = wrapBackend(inner, {
      call: (step, proceed) => proceed(step.call),
      async get(step, proceed) {
        await late;
        const answer = await proceed({ requestId: step.call.requestId });
        return { ...answer, discard: () => tell() };
      },
    });
    const { backend, timers } = limited(deaf);
    const attempt = backend.get(CALL, { container: CONTAINER, key: 'k' });
    timers.pass(1000);
    await expect(attempt).rejects.toMatchObject({ kind: 'timeout' });
    arrive();
    await discarded;
  });

  it('ends an upload whose body falls silent, and leaves nothing of it', async () => {
    const inner = await memory();
    const { backend, timers } = limited(inner);
    let pulled: () => void = () => undefined;
    const flowing = new Promise<void>((resolve) => (pulled = resolve));
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('first');
      pulled();
      yield* forever();
    }
    const attempt = backend.put(CALL, { ...write('k', ''), size: 100, body: body() });
    await flowing;
    timers.pass(1000);
    await expect(attempt).rejects.toMatchObject({ kind: 'timeout' });
    await new Promise(setImmediate);
    const left = await inner.list(CALL, { container: CONTAINER, include: 'everything', limit: 10 });
    expect(left.entries).toEqual([]);
    expect(timers.running).toBe(0);
  });

  it('ends a download that falls silent, but not one whose reader is slow', async () => {
    const inner = await memory();
    await inner.put(CALL, write('k', 'text'));
    const stalled = wrapBackend(inner, {
      call: (step, proceed) => proceed(step.call),
      get: async (step, proceed) => ({ ...(await proceed(step.call)), body: forever() }),
    });
    const { backend, timers } = limited(stalled);
    const { body } = await backend.get(CALL, { container: CONTAINER, key: 'k' });
    const iterator = body[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    timers.pass(10_000);
    const next = iterator.next();
    expect(timers.running).toBe(1);
    timers.pass(300);
    await expect(next).rejects.toMatchObject({ kind: 'timeout' });
    expect(timers.running).toBe(0);
  });

  it('passes on that the caller gave up, with the reason', async () => {
    const plan = new FaultPlan().on('head', 1, { kind: 'hang' });
    const { backend } = limited(withFaults(await memory(), plan));
    const controller = new AbortController();
    const reason = new Error('the client went away');
    const attempt = backend.head({ ...CALL, signal: controller.signal }, { container: CONTAINER, key: 'k' });
    await plan.isHeld('head');
    controller.abort(reason);
    await expect(attempt).rejects.toMatchObject({ kind: 'timeout', cause: reason });
  });

  it('leaves no timer behind calls that succeed', async () => {
    const { backend, timers } = limited(await memory());
    await backend.put(CALL, write('k', 'text'));
    const read = await backend.get(CALL, { container: CONTAINER, key: 'k' });
    expect(await textOf(read.body)).toBe('text');
    (await backend.get(CALL, { container: CONTAINER, key: 'k' })).discard();
    expect(timers.running).toBe(0);
  });
});
