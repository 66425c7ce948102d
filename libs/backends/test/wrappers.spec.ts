import { describe, expect, it } from '@jest/globals';
import {
  Circuit,
  CIRCUIT_DEFAULTS,
  FaultPlan,
  gatedByCircuit,
  RetryBudget,
  watchedByCircuit,
  withConcurrencyLimit,
  withDeadline,
  withFaults,
  withMetrics,
  withRetry,
} from '../src/index.js';
import type { ObjectBackend, Observation } from '../src/index.js';
import { createMemoryBackend } from '../src/index.js';
import { describeConformance } from './conformance/index.js';
import { CALL, CONTAINER, failed, memory, textOf, write } from './wrappers-fixture.js';

/** Bodies that fall silent after their first chunk, and end when the call is given up, as those of an adapter do. */
function cutByAbort(backend: ObjectBackend): ObjectBackend {
  const get: ObjectBackend['get'] = async (call, request) => {
    const answer = await backend.get(call, request);
    async function* body(): AsyncGenerator<Uint8Array> {
      for await (const chunk of answer.body) {
        yield chunk;
        break;
      }
      await new Promise((_, reject) => call.signal?.addEventListener('abort', () => reject(failed('timeout'))));
    }
    const { whole: _all, ...rest } = answer;
    return { ...rest, body: body() };
  };
  return Object.assign(Object.create(backend) as ObjectBackend, { get });
}

/** All wrappers, as a process puts them around an adapter. */
function wrapped(backend: ObjectBackend): ObjectBackend {
  const limited = withConcurrencyLimit(withFaults(backend, new FaultPlan()), { max: 4, queue: 100 });
  const timed = withDeadline(limited, { answerMs: 20_000, idleMs: 20_000 });
  const budget = new RetryBudget({ capacity: 10, refillPerSuccess: 0.1 });
  const retried = withRetry(timed, { budget, random: Math.random, sleep: async () => undefined });
  return withMetrics(retried, { observe: () => undefined });
}

describeConformance('a backend inside all wrappers', {
  async open() {
    const backend = wrapped(createMemoryBackend({ name: 'wrapped', tokens: 'version' }));
    return { backend, close: () => backend.close() };
  },
  gaps: [],
});

describe('withMetrics', () => {
  async function observed(plan = new FaultPlan()): Promise<{ backend: ObjectBackend; seen: Observation[] }> {
    const seen: Observation[] = [];
    let clock = 0;
    const observe = (observation: Observation): void => void seen.push(observation);
    const backend = withMetrics(withFaults(await memory(), plan), { observe, now: () => (clock += 500) });
    return { backend, seen };
  }

  it('tells operation, outcome, seconds and bytes of uploads and downloads', async () => {
    const { backend, seen } = await observed();
    await backend.put(CALL, write('k', 'twelve bytes'));
    const range = { start: 0, end: 5 };
    const answer = await backend.get(CALL, { container: CONTAINER, key: 'k', range });
    expect(seen).toHaveLength(1);
    expect(await textOf(answer.body)).toBe('twelve');
    expect(seen).toEqual([
      { backend: 'memory', operation: 'put', outcome: 'ok', seconds: 0.5, bytes: 12 },
      { backend: 'memory', operation: 'get', outcome: 'ok', seconds: 0.5, bytes: 6 },
    ]);
  });

  it('tells the kind of each failure, also of a download that is cut', async () => {
    const plan = new FaultPlan().on('get', 1, { kind: 'cut-download', bytes: 3, error: failed('unavailable') });
    const { backend, seen } = await observed(plan);
    await expect(backend.head(CALL, { container: CONTAINER, key: 'k' })).rejects.toMatchObject({ kind: 'not-found' });
    await backend.put(CALL, write('k', 'text'));
    const answer = await backend.get(CALL, { container: CONTAINER, key: 'k' });
    await expect(textOf(answer.body)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(seen.map(({ operation, outcome, bytes }) => [operation, outcome, bytes])).toEqual([
      ['head', 'not-found', 0],
      ['put', 'ok', 4],
      ['get', 'unavailable', 3],
    ]);
  });

  it('tells a download whose reader went away as one that was left early, but as a failure where the backend had not begun to answer', async () => {
    const [reader, impatient] = [new AbortController(), new AbortController()];
    const plan = new FaultPlan().on('get', 2, { kind: 'hang' });
    const seen: Observation[] = [];
    const measured = withMetrics(withFaults(cutByAbort(await memory()), plan), { observe: (one) => seen.push(one) });
    const backend = withDeadline(measured, { answerMs: 60_000, idleMs: 60_000 });
    await backend.put(CALL, write('k', 'text'));
    const request = { container: CONTAINER, key: 'k' };
    const answer = await backend.get({ ...CALL, signal: reader.signal }, request);
    const reading = textOf(answer.body);
    reader.abort(new Error('gone'));
    await expect(reading).rejects.toMatchObject({ kind: 'timeout' });
    const waiting = backend.get({ ...CALL, signal: impatient.signal }, request);
    await plan.isHeld('get');
    impatient.abort(new Error('gone'));
    await expect(waiting).rejects.toMatchObject({ kind: 'timeout' });
    expect(seen.slice(1).map(({ outcome }) => outcome)).toEqual(['ok', 'unavailable']);
  });

  it('tells a discarded download once', async () => {
    const { backend, seen } = await observed();
    await backend.put(CALL, write('k', 'text'));
    const answer = await backend.get(CALL, { container: CONTAINER, key: 'k' });
    answer.discard();
    answer.discard();
    expect(seen.filter(({ operation }) => operation === 'get')).toHaveLength(1);
  });
});

describe('withFaults', () => {
  it('truncates an upload, which the size then shows', async () => {
    const inner = await memory();
    const backend = withFaults(inner, new FaultPlan().on('put', 1, { kind: 'truncate-upload', bytes: 2 }));
    await expect(backend.put(CALL, write('k', 'text'))).rejects.toMatchObject({ kind: 'invalid' });
    await backend.put(CALL, write('k', 'text'));
  });

  it('loses an answer after the success', async () => {
    const inner = await memory();
    const backend = withFaults(inner, new FaultPlan().on('put', 1, { kind: 'lose-answer', error: failed('timeout') }));
    await expect(backend.put(CALL, write('k', 'text'))).rejects.toMatchObject({ kind: 'timeout' });
    expect((await inner.head(CALL, { container: CONTAINER, key: 'k' })).size).toBe(4);
  });

  it('delays a call until it is released', async () => {
    const plan = new FaultPlan().on('put', 1, { kind: 'delay' });
    const inner = await memory();
    const attempt = withFaults(inner, plan).put(CALL, write('k', 'text'));
    await plan.isHeld('put');
    await expect(inner.head(CALL, { container: CONTAINER, key: 'k' })).rejects.toMatchObject({ kind: 'not-found' });
    plan.release();
    expect((await attempt).size).toBe(4);
  });
});

describe('withConcurrencyLimit', () => {
  it('lets so many calls in, queues so many, and refuses the next', async () => {
    const plan = new FaultPlan().on('head', 1, { kind: 'delay' });
    const inner = await memory();
    await inner.put(CALL, write('k', 'text'));
    const backend = withConcurrencyLimit(withFaults(inner, plan), { max: 1, queue: 1 });
    const request = { container: CONTAINER, key: 'k' };
    const first = backend.head(CALL, request);
    await plan.isHeld('head');
    const second = backend.head(CALL, request);
    await expect(backend.head(CALL, request)).rejects.toMatchObject({ kind: 'throttled' });
    expect(plan.callsOf('head')).toBe(1);
    plan.release();
    expect((await Promise.all([first, second])).map(({ size }) => size)).toEqual([4, 4]);
  });

  it('gives up a place in the queue with its caller', async () => {
    const plan = new FaultPlan().on('head', 1, { kind: 'delay' });
    const backend = withConcurrencyLimit(withFaults(await memory(), plan), { max: 1, queue: 1 });
    const request = { container: CONTAINER, key: 'k' };
    const first = backend.head(CALL, request);
    await plan.isHeld('head');
    const controller = new AbortController();
    const second = backend.head({ ...CALL, signal: controller.signal }, request);
    controller.abort();
    await expect(second).rejects.toMatchObject({ kind: 'timeout' });
    const third = backend.head(CALL, request);
    plan.release();
    await expect(first).rejects.toMatchObject({ kind: 'not-found' });
    await expect(third).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('keeps a download in its place until its body ends, and lets it feed an upload', async () => {
    const inner = await memory();
    await inner.put(CALL, write('k', 'text'));
    const backend = withConcurrencyLimit(inner, { max: 1, queue: 1 });
    const download = await backend.get(CALL, { container: CONTAINER, key: 'k' });
    const waiting = backend.get(CALL, { container: CONTAINER, key: 'k' });
    await expect(backend.get(CALL, { container: CONTAINER, key: 'k' })).rejects.toMatchObject({ kind: 'throttled' });
    await backend.put(CALL, write('copy', 'text', { body: download.body }));
    expect(await textOf((await waiting).body)).toBe('text');
  });
});

describe('bytes at hand, inside wrappers', () => {
  const bytes = Buffer.from('bytes');
  const request = { container: CONTAINER, key: 'k', token: 't' };
  async function near(answer: () => Uint8Array | undefined = () => bytes): Promise<ObjectBackend> {
    return Object.assign(await memory(), { getAtOnce: answer });
  }

  it('are told of as any read is; that there are none is not told', async () => {
    const seen: Observation[] = [];
    let clock = 0;
    const options = { observe: (one: Observation) => void seen.push(one), now: () => (clock += 500) };
    expect(withMetrics(await near(), options).getAtOnce?.(request)).toBe(bytes);
    expect(withMetrics(await near(() => undefined), options).getAtOnce?.(request)).toBeUndefined();
    expect(seen).toEqual([{ backend: 'memory', operation: 'get', outcome: 'ok', seconds: 0.5, bytes: 5 }]);
  });

  it('are not asked for while all places are taken', async () => {
    const held = new FaultPlan().on('get', 1, { kind: 'hang' });
    const slow = withFaults(await near(), held);
    const limited = withConcurrencyLimit(Object.assign(slow, { getAtOnce: () => bytes }), { max: 1, queue: 4 });
    expect(limited.getAtOnce?.(request)).toBe(bytes);
    const hanging = limited.get(CALL, request);
    await held.isHeld('get');
    expect(limited.getAtOnce?.(request)).toBeUndefined();
    held.release();
    await expect(hanging).rejects.toMatchObject({ kind: 'unavailable' });
    expect(limited.getAtOnce?.(request)).toBe(bytes);
  });

  it('come through the circuit while it is closed, and count as answers', async () => {
    const judged = { ...CIRCUIT_DEFAULTS, minFailures: 2, now: () => 0 };
    const circuit = new Circuit('memory', judged);
    const gated = gatedByCircuit(watchedByCircuit(await near(), circuit, { silenceMs: 1, now: () => 0 }), circuit);
    for (let times = 0; times < 3; times++) expect(gated.getAtOnce?.(request)).toBe(bytes);
    for (let times = 0; times < 2; times++) circuit.ended('failed');
    // Two of five calls.
    expect(circuit.isClosed).toBe(true);
    circuit.ended('failed');
    expect(gated.getAtOnce?.(request)).toBeUndefined();
  });

  it('come through deadlines and retries, and not through a wrapper that knows nothing of them', async () => {
    const timed = withDeadline(await near(), { answerMs: 1, idleMs: 1 });
    const budget = new RetryBudget({ capacity: 0, refillPerSuccess: 1 });
    const retried = withRetry(timed, { budget, random: Math.random, sleep: async () => undefined });
    expect(retried.getAtOnce?.(request)).toBe(bytes);
    expect(budget.take()).toBe(false);
    expect(withFaults(await near(), new FaultPlan()).getAtOnce).toBeUndefined();
  });
});
