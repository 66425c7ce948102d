import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Circuit,
  FaultPlan,
  gatedByCircuit,
  isBackendError,
  RetryBudget,
  watchedByCircuit,
  withConcurrencyLimit,
  withFaults,
  withRetry,
  type BackendErrorKind,
  type CircuitState,
  type ObjectBackend,
} from '../src/index.js';
import { CALL, CONTAINER, failed, memory, write } from './wrappers-fixture.js';

const OPTIONS = { windowMs: 1_000, minFailures: 4, failureShare: 0.5, openMs: 100, maxOpenMs: 400 };
/** Whoever gave up a download after so long tells something. */
const SILENCE_MS = 10_000;

class Time {
  at = 0;
  readonly now = (): number => this.at;
}

function makeCircuit(time = new Time()): { circuit: Circuit; time: Time; seen: CircuitState[] } {
  const seen: CircuitState[] = [];
  const onChange = (state: CircuitState): void => void seen.push(state);
  return { circuit: new Circuit('far', { ...OPTIONS, now: time.now, onChange }), time, seen };
}

/** A backend whose first calls of `head` fail so, and its circuit around it. */
async function failing(kinds: readonly BackendErrorKind[]): Promise<{
  backend: ObjectBackend;
  plan: FaultPlan;
  circuit: Circuit;
  time: Time;
}> {
  const plan = new FaultPlan();
  for (const [at, kind] of kinds.entries()) plan.on('head', at + 1, { kind: 'fail', error: failed(kind) });
  const { circuit, time } = makeCircuit();
  const inner = watchedByCircuit(withFaults(await memory(), plan), circuit, { silenceMs: SILENCE_MS, now: time.now });
  return { backend: gatedByCircuit(inner, circuit), plan, circuit, time };
}

async function kindOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'ok';
  } catch (error) {
    return isBackendError(error) ? error.kind : String(error);
  }
}

const repeat = (kind: BackendErrorKind, times: number): BackendErrorKind[] => Array<BackendErrorKind>(times).fill(kind);
const head = (backend: ObjectBackend, call = CALL) => kindOf(backend.head(call, { container: CONTAINER, key: 'k' }));

describe('a circuit', () => {
  it('opens after a share of failures, refuses at once with the reason, lets one try, and closes when that is answered', async () => {
    const { backend, plan, circuit, time } = await failing(repeat('timeout', 5));
    for (let call = 0; call < 4; call += 1) expect(await head(backend)).toBe('timeout');
    expect(circuit.view()).toMatchObject({ state: 'open', reason: expect.stringContaining('4 of its last 4 calls') });
    const refused = backend.head(CALL, { container: CONTAINER, key: 'k' });
    await expect(refused).rejects.toMatchObject({ kind: 'unavailable', message: expect.stringContaining('not asked') });
    expect(plan.callsOf('head')).toBe(4);
    time.at += OPTIONS.openMs;
    expect(await head(backend)).toBe('timeout');
    expect(circuit.view()).toMatchObject({ state: 'open', retryAfterMs: 2 * OPTIONS.openMs });
    time.at += 2 * OPTIONS.openMs;
    expect(await head(backend)).toBe('not-found');
    expect(circuit.view()).toEqual({ state: 'closed' });
  });

  it('lets only one call try; the others are refused meanwhile', async () => {
    const { backend, plan, time, circuit } = await failing(repeat('unavailable', 4));
    plan.on('head', 5, { kind: 'delay' });
    for (let call = 0; call < 4; call += 1) await head(backend);
    time.at += OPTIONS.openMs;
    const trying = head(backend);
    await plan.isHeld('head');
    expect(circuit.view().state).toBe('half-open');
    expect(await head(backend)).toBe('unavailable');
    plan.release();
    expect(await trying).toBe('not-found');
    expect(plan.callsOf('head')).toBe(5);
  });

  it.each(['not-found', 'denied', 'throttled', 'precondition', 'integrity', 'unknown'] as const)(
    'stays closed for a backend that answers, were it %s',
    async (kind) => {
      const { backend, circuit } = await failing(repeat(kind, 20));
      for (let call = 0; call < 20; call += 1) expect(await head(backend)).toBe(kind);
      expect(circuit.view().state).toBe('closed');
    },
  );

  it('blames no backend for callers that gave up, nor for uploads whose stream fell silent', async () => {
    const { backend, circuit, plan } = await failing(repeat('timeout', 10));
    const signal = AbortSignal.abort();
    for (let call = 0; call < 10; call += 1) expect(await head(backend, { ...CALL, signal })).toBe('timeout');
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x');
    }
    for (let call = 1; call <= 10; call += 1) {
      plan.on('put', call, { kind: 'fail', error: failed('timeout') });
      expect(await kindOf(backend.put(CALL, write('k', 'x', { body: silent() })))).toBe('timeout');
    }
    expect(circuit.view().state).toBe('closed');
  });

  it('blames one that did not begin to answer for long, though its readers gave up', async () => {
    const { backend, circuit, plan, time } = await failing([]);
    const giveUp = async (afterMs: number): Promise<void> => {
      const reader = new AbortController();
      const reading = kindOf(backend.get({ ...CALL, signal: reader.signal }, { container: CONTAINER, key: 'k' }));
      await plan.isHeld('get');
      time.at += afterMs;
      reader.abort();
      expect(await reading).toBe('unavailable');
    };
    for (let call = 1; call <= 8; call += 1) plan.on('get', call, { kind: 'hang' });
    for (let call = 1; call <= 4; call += 1) await giveUp(call);
    expect(circuit.view().state).toBe('closed');
    const began = time.at;
    for (let call = 1; call <= 4; call += 1) {
      await giveUp(SILENCE_MS);
      // As if they had all waited at once.
      time.at = began;
    }
    expect(circuit.view().state).toBe('open');
  });

  it('forgets: failures that are spread over more than its window do not open it', async () => {
    const { backend, circuit, time } = await failing(repeat('timeout', 30));
    for (let call = 0; call < 30; call += 1) {
      await head(backend);
      time.at += OPTIONS.windowMs / 2;
    }
    expect(circuit.view().state).toBe('closed');
  });

  it('never says of a call that was sent that it was not: retries end with the failure there was, whose outcome is unknown', async () => {
    const plan = new FaultPlan();
    const inner = await memory();
    for (let call = 1; call <= 9; call += 1) plan.on('put', call, { kind: 'lose-answer', error: failed('timeout') });
    const { circuit } = makeCircuit();
    const retried = withRetry(
      watchedByCircuit(withFaults(inner, plan), circuit, { silenceMs: SILENCE_MS, now: () => 0 }),
      {
        budget: new RetryBudget({ capacity: 100, refillPerSuccess: 1 }),
        mayRetry: () => circuit.refusal() === undefined,
        attempts: 9,
        random: () => 0,
        sleep: () => Promise.resolve(),
      },
    );
    const backend = gatedByCircuit(retried, circuit);
    plan.on('head', 1, { kind: 'fail', error: failed('timeout') });
    for (let call = 2; call <= 9; call += 1) plan.on('head', call, { kind: 'fail', error: failed('timeout') });
    const outcome = backend.put(CALL, write('k', 'v'));
    await expect(outcome).rejects.toMatchObject({ kind: 'timeout', message: 'planned: timeout' });
    expect(circuit.view().state).toBe('open');
  });

  it('clears the queue before it: who waits for a place is refused as soon as there is one, and nobody new waits', async () => {
    const { backend: gated, plan, circuit } = await failing([]);
    for (let call = 1; call <= 4; call += 1) plan.on('head', call, { kind: 'hang' });
    const backend = withConcurrencyLimit(gated, { max: 4, queue: 100 });
    const waiting = Array.from({ length: 50 }, () => head(backend));
    await plan.isHeld('head');
    plan.release();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['unavailable']));
    expect(plan.callsOf('head')).toBe(4);
    expect(circuit.view().state).toBe('open');
    expect(backend.refusal?.()?.kind).toBe('unavailable');
  });

  it('whatever happens: closed it refuses nothing, open everything until its time, and one answer closes it', () => {
    const events = fc.array(
      fc.oneof(
        fc.constantFrom('answered' as const, 'failed' as const, 'neither' as const, 'admit' as const),
        fc.integer({ min: 1, max: 300 }),
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(events, (all) => {
        const { circuit, time } = makeCircuit();
        for (const event of all) {
          const before = circuit.view();
          if (typeof event === 'number') time.at += event;
          else if (event === 'admit') {
            const admitted = circuit.admit() === undefined;
            const due = before.state === 'open' && before.retryAfterMs === 0;
            expect(admitted).toBe(before.state === 'closed' || due);
            if (due) expect(circuit.view().state).toBe('half-open');
          } else {
            circuit.ended(event);
            if (event === 'answered') expect(circuit.view().state).toBe('closed');
            if (event === 'neither' && before.state === 'closed') expect(circuit.view().state).toBe('closed');
          }
          expect(circuit.view().retryAfterMs ?? 0).toBeLessThanOrEqual(OPTIONS.maxOpenMs);
        }
      }),
    );
  });
});
