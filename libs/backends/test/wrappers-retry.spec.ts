import { describe, expect, it } from '@jest/globals';
import { BackendError, FaultPlan, RetryBudget, withFaults, withRetry } from '../src/index.js';
import type { ObjectBackend, RetryOptions } from '../src/index.js';
import { CALL, CONTAINER, failed, memory, textOf, write } from './wrappers-fixture.js';

function retrying(
  backend: ObjectBackend,
  extra: Partial<RetryOptions> = {},
): { backend: ObjectBackend; pauses: number[] } {
  const pauses: number[] = [];
  const wrapped = withRetry(backend, {
    budget: new RetryBudget({ capacity: 10, refillPerSuccess: 0.1 }),
    random: () => 0.5,
    sleep: async (ms) => void pauses.push(ms),
    ...extra,
  });
  return { backend: wrapped, pauses };
}

describe('withRetry', () => {
  it('repeats a call that failed for a moment, after growing pauses with jitter', async () => {
    const inner = await memory();
    await inner.put(CALL, write('k', 'text'));
    const plan = new FaultPlan()
      .on('head', 1, { kind: 'fail', error: failed('unavailable') })
      .on('head', 2, { kind: 'fail', error: failed('timeout') });
    const { backend, pauses } = retrying(withFaults(inner, plan));
    expect((await backend.head(CALL, { container: CONTAINER, key: 'k' })).size).toBe(4);
    expect(pauses).toEqual([25, 50]);
  });

  it('gives up after its attempts, with the last failure', async () => {
    const plan = new FaultPlan();
    for (const nth of [1, 2, 3, 4]) plan.on('list', nth, { kind: 'fail', error: failed('unavailable') });
    const { backend } = retrying(withFaults(await memory(), plan));
    const attempt = backend.list(CALL, { container: CONTAINER, include: 'current', limit: 1 });
    await expect(attempt).rejects.toMatchObject({ kind: 'unavailable' });
    expect(plan.callsOf('list')).toBe(3);
  });

  it('does not repeat what fails for good', async () => {
    const plan = new FaultPlan().on('head', 1, { kind: 'fail', error: failed('denied') });
    const { backend } = retrying(withFaults(await memory(), plan));
    await expect(backend.head(CALL, { container: CONTAINER, key: 'k' })).rejects.toMatchObject({ kind: 'denied' });
    expect(plan.callsOf('head')).toBe(1);
  });

  it('waits at least as long as the backend asked, and gives up where that is too long', async () => {
    const plan = new FaultPlan()
      .on('listContainers', 1, { kind: 'fail', error: failed('throttled', 700) })
      .on('listContainers', 3, { kind: 'fail', error: failed('throttled', 60_000) });
    const { backend, pauses } = retrying(withFaults(await memory(), plan));
    await backend.listContainers(CALL);
    expect(pauses).toEqual([725]);
    await expect(backend.listContainers(CALL)).rejects.toMatchObject({ kind: 'throttled' });
  });

  it('does not multiply an outage: with the budget spent, each call is one attempt', async () => {
    const plan = new FaultPlan();
    for (let nth = 1; nth <= 200; nth++) plan.on('head', nth, { kind: 'fail', error: failed('unavailable') });
    const { backend } = retrying(withFaults(await memory(), plan));
    for (let n = 0; n < 50; n++)
      await expect(backend.head(CALL, { container: CONTAINER, key: 'k' })).rejects.toMatchObject({ retryable: true });
    expect(plan.callsOf('head')).toBe(50 + 10);
  });

  it('sends a stream once: its bytes are gone', async () => {
    const plan = new FaultPlan().on('put', 1, { kind: 'fail', error: failed('unavailable') });
    const { backend } = retrying(withFaults(await memory(), plan));
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('once');
    }
    await expect(backend.put(CALL, write('k', 'once', { body: body() }))).rejects.toMatchObject({
      kind: 'unavailable',
    });
    expect(plan.callsOf('put')).toBe(1);
  });

  it('repeats a restamp only after throttled, which says that nothing was done', async () => {
    const inner = await memory('etag');
    const { token } = await inner.put(CALL, write('k', 'text'));
    const plan = new FaultPlan()
      .on('restamp', 1, { kind: 'fail', error: failed('throttled') })
      .on('restamp', 2, { kind: 'lose-answer', error: failed('timeout') });
    const { backend } = retrying(withFaults(inner, plan));
    const ref = { container: CONTAINER, key: 'k', token };
    const attempt = backend.restamp(CALL, ref, { headers: {}, metadata: {}, tags: {} });
    await expect(attempt).rejects.toMatchObject({ kind: 'timeout' });
    expect(plan.callsOf('restamp')).toBe(2);
  });

  it.each(['version', 'generation', 'etag'] as const)(
    'takes a create-only write whose answer was lost for its own, with tokens of kind %s',
    async (tokens) => {
      const inner = await memory(tokens);
      const plan = new FaultPlan().on('put', 1, { kind: 'lose-answer', error: failed('timeout') });
      const { backend } = retrying(withFaults(inner, plan));
      const written = await backend.put(CALL, write('k', 'mine', { condition: { ifAbsent: true } }));
      expect(written.token).toBe((await inner.head(CALL, { container: CONTAINER, key: 'k' })).token);
      const all = await inner.list(CALL, { container: CONTAINER, include: 'everything', limit: 10 });
      expect(all.entries).toHaveLength(1);
    },
  );

  it('sends no second version where its first attempt arrived and lies beneath another writer’s', async () => {
    const inner = await memory('version');
    await inner.put(CALL, write('k', 'olds'));
    await inner.put(CALL, write('k/below', 'mine'));
    const plan = new FaultPlan().on('put', 1, { kind: 'lose-answer', error: failed('timeout') });
    const sleep = async (): Promise<void> => {
      await inner.put(CALL, write('k', 'them'));
    };
    const { backend } = retrying(withFaults(inner, plan), { sleep });
    const { token } = await backend.put(CALL, write('k', 'mine'));
    const { entries } = await inner.list(CALL, { container: CONTAINER, include: 'everything', limit: 10 });
    expect(entries.filter(({ key }) => key === 'k')).toHaveLength(3);
    const answer = await inner.get(CALL, { container: CONTAINER, key: 'k', token });
    expect(await textOf(answer.body)).toBe('mine');
  });

  it('does not try again what left something behind, which a later success would hide', async () => {
    const error = new BackendError('throttled', 'planned', { leftBehind: true });
    const plan = new FaultPlan().on('put', 1, { kind: 'fail', error });
    const { backend } = retrying(withFaults(await memory(), plan));
    await expect(backend.put(CALL, write('k', 'text'))).rejects.toBe(error);
    expect(plan.callsOf('put')).toBe(1);
  });

  it('still reports a condition that another writer broke', async () => {
    const inner = await memory('generation');
    await inner.put(CALL, write('k', 'theirs'));
    const plan = new FaultPlan().on('put', 1, { kind: 'fail', error: failed('timeout') });
    const { backend } = retrying(withFaults(inner, plan));
    const attempt = backend.put(CALL, write('k', 'mine', { condition: { ifAbsent: true } }));
    await expect(attempt).rejects.toMatchObject({ kind: 'precondition' });
    const answer = await inner.get(CALL, { container: CONTAINER, key: 'k' });
    expect(await textOf(answer.body)).toBe('theirs');
  });

  it('does not go on once the caller has given up', async () => {
    const controller = new AbortController();
    const plan = new FaultPlan().on('head', 1, { kind: 'fail', error: failed('unavailable') });
    const { backend } = retrying(withFaults(await memory(), plan), { sleep: async () => controller.abort() });
    const attempt = backend.head({ ...CALL, signal: controller.signal }, { container: CONTAINER, key: 'k' });
    await expect(attempt).rejects.toMatchObject({ kind: 'unavailable' });
    expect(plan.callsOf('head')).toBe(1);
  });
});
