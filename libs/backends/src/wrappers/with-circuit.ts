import { isBackendError } from '../errors.js';
import type { Call, ObjectBackend } from '../object-backend.js';
import type { Circuit, CircuitOutcome } from './circuit.js';
import { wrapBackend } from './wrap-backend.js';

/** When a download that its caller gave up says something of its backend. */
export interface Patience {
  /** Its head did not come for so long: a backend that is silent must be found out by impatient readers too. */
  readonly silenceMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** What the failure of a call says of its backend. A caller that gave up says nothing. */
function outcomeOf(error: unknown, call: Pick<Call, 'signal'>): CircuitOutcome {
  if (!isBackendError(error)) return 'neither';
  if (error.kind !== 'timeout' && error.kind !== 'unavailable') return 'answered';
  return call.signal?.aborted ? 'neither' : 'failed';
}

/** A call that the backend is judged by, whoever ended it. */
const WHOEVER_ENDED_IT = {};

/**
 * Tells the circuit what came of each attempt, a download's up to its head: to be put around the deadline, inside the retries. An upload that streams and fails is nobody's fault for certain,
 * as its client may have fallen silent.
 */
export function watchedByCircuit(backend: ObjectBackend, circuit: Circuit, patience: Patience): ObjectBackend {
  const { silenceMs, now } = patience;
  const watch = <T>(result: Promise<T>, judge: (error: unknown) => CircuitOutcome): Promise<T> =>
    result.then(
      (value) => {
        circuit.ended('answered');
        return value;
      },
      (error: unknown) => {
        circuit.ended(judge(error));
        throw error;
      },
    );
  return wrapBackend(backend, {
    call: ({ call }, proceed) => watch(proceed(call), (error) => outcomeOf(error, call)),
    get({ call }, proceed) {
      const begun = now();
      return watch(proceed(call), (error) => outcomeOf(error, now() - begun < silenceMs ? call : WHOEVER_ENDED_IT));
    },
    atOnce(read, request) {
      const bytes = read(request);
      if (bytes) circuit.ended('answered');
      return bytes;
    },
    put: ({ call }, request, proceed) =>
      watch(proceed(call, request), (error) => {
        const outcome = outcomeOf(error, call);
        return outcome === 'failed' && !(request.body instanceof Uint8Array) ? 'neither' : outcome;
      }),
  });
}

/**
 * Refuses calls while the circuit is open, at once, with `unavailable` and the reason: to be put outside the retries, so that of a refused call nothing was sent. `refusal` says it beforehand,
 * for those that would first write down what they are about to do.
 */
export function gatedByCircuit(backend: ObjectBackend, circuit: Circuit): ObjectBackend {
  const gated = wrapBackend(backend, {
    call({ call }, proceed) {
      const refusal = circuit.admit();
      return refusal ? Promise.reject(refusal) : proceed(call);
    },
    // Any other state is for `get` to be refused by, or to try.
    atOnce: (read, request) => (circuit.isClosed ? read(request) : undefined),
  });
  return { ...gated, refusal: () => circuit.refusal() };
}
