import {
  Circuit,
  CIRCUIT_DEFAULTS,
  gatedByCircuit,
  openBackend,
  RetryBudget,
  watchedByCircuit,
  withConcurrencyLimit,
  withDeadline,
  withMetrics,
  withRetry,
  wrapBackend,
  type BackendCapabilities,
  type BackendDefinition,
  type BackendObserver,
  type CircuitState,
  type MachineIdentity,
  type ObjectBackend,
} from '#libs/backends';
import type { Clock } from '#libs/objects';
import type { Tracing } from '#libs/tracing';
import { ATTEMPTS, tracedBackend } from '../tracing/traced-backend.js';

/** How the calls to every backend are bounded and watched. */
export interface CallLimits {
  readonly deadlineMs: number;
  readonly connections: number;
  /** What of this machine's own identity a backend may use; by default nothing. */
  readonly machine?: MachineIdentity;
  readonly observe: BackendObserver;
  readonly clock: Clock;
  readonly tracing?: Tracing | undefined;
  /** Told when a backend's circuit opens, is tried and closes. */
  readonly onCircuit?: (backend: string, state: CircuitState) => void;
}

/** So many calls wait for each place at a backend before the next is told to come later. */
const QUEUE_PER_PLACE = 16;
/** A call that its caller gave up after this share of its deadline counts as one that was not answered. */
const GIVEN_UP_AFTER = 1 / 3;
const RETRY_BUDGET = { capacity: 20, refillPerSuccess: 0.1 };

/** An adapter with all that stands around it, and how many of its calls are under way. */
export interface OpenAdapter {
  readonly backend: ObjectBackend;
  readonly circuit: Circuit;
  /** Closes it as soon as no call is under way and no download is open, or after `atMostMs`. */
  closeWhenIdle(atMostMs: number): Promise<void>;
}

/** Calls under way; a download is under way until its body ends. */
class Traffic {
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  begin(): void {
    this.#underWay += 1;
  }

  end(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onIdle?.();
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }
}

/** The same backend with the abilities that its probe found, instead of those of its vendor at large. */
function narrowed(backend: ObjectBackend, inner: ObjectBackend, capabilities: BackendCapabilities): ObjectBackend {
  const { freshIds } = inner;
  Object.defineProperty(backend, 'capabilities', { value: capabilities, enumerable: true });
  return freshIds ? { ...backend, freshIds } : backend;
}

async function sleepUntilAborted(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

/**
 * Opens an adapter and puts around it, from the inside out: metrics (of each attempt), the count of calls under way, a deadline for each attempt and each silence, what the
 * circuit learns of each attempt, retries, the circuit's gate, a limit of calls at once, and, where they are on, traces. Sends nothing. Fails with `BackendError` `invalid`, naming each setting that is wrong.
 */
export async function openAdapter(
  definition: BackendDefinition,
  limits: CallLimits,
  capabilities?: BackendCapabilities,
): Promise<OpenAdapter> {
  const { deadlineMs, connections, clock, observe, tracing } = limits;
  const adapter = await openBackend(definition, limits.machine);
  const traffic = new Traffic();
  const watch: BackendObserver = (observation) => {
    traffic.end();
    observe(observation);
  };
  const measured = withMetrics(adapter, { observe: watch, now: () => clock.monotonic() });
  const able = narrowed(measured, adapter, capabilities ?? adapter.capabilities);
  const counted = wrapBackend(able, {
    call: ({ call }, proceed) => {
      traffic.begin();
      tracing?.active()?.count(ATTEMPTS);
      return proceed(call);
    },
    atOnce(read, request) {
      traffic.begin();
      const bytes = read(request);
      // Of what was not read nobody is told.
      if (!bytes) traffic.end();
      return bytes;
    },
  });
  const timed = withDeadline(counted, { answerMs: deadlineMs, idleMs: deadlineMs });
  const circuit = new Circuit(definition.name, {
    ...CIRCUIT_DEFAULTS,
    now: () => clock.monotonic(),
    onChange: (state) => limits.onCircuit?.(definition.name, state),
  });
  const patience = { silenceMs: deadlineMs * GIVEN_UP_AFTER, now: () => clock.monotonic() };
  const retried = withRetry(watchedByCircuit(timed, circuit, patience), {
    mayRetry: () => circuit.refusal() === undefined,
    budget: new RetryBudget(RETRY_BUDGET),
    random: Math.random,
    sleep: (ms, signal) => sleepUntilAborted(clock, ms, signal),
  });
  const limited = withConcurrencyLimit(gatedByCircuit(retried, circuit), {
    max: connections,
    queue: connections * QUEUE_PER_PLACE,
  });
  const traced = tracing ? tracedBackend(limited, tracing) : limited;
  const backend = narrowed(traced, adapter, able.capabilities);
  const closeWhenIdle = async (atMostMs: number): Promise<void> => {
    const late = new AbortController();
    await Promise.race([traffic.idle(), sleepUntilAborted(clock, atMostMs, late.signal)]);
    late.abort();
    await adapter.close();
  };
  return { backend, circuit, closeWhenIdle };
}
