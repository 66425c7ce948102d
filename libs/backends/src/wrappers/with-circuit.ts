import { isBackendError } from '../errors.js';
import type { Call, ObjectBackend } from '../object-backend.js';
import type { Circuit, CircuitOutcome } from './circuit.js';
import { wrapBackend } from './wrap-backend.js';

/** What the failure of a call says of its backend. A caller that gave up says nothing. */
function outcomeOf(error: unknown, call: Call): CircuitOutcome {
  if (!isBackendError(error)) return 'neither';
  if (error.kind !== 'timeout' && error.kind !== 'unavailable') return 'answered';
  return call.signal?.aborted ? 'neither' : 'failed';
}

/**
 * Tells the circuit what came of each attempt, a download's up to its head: to be put around the deadline, inside the retries. An upload that streams and fails is nobody's fault for certain,
 * as its client may have fallen silent.
 */
export function watchedByCircuit(backend: ObjectBackend, circuit: Circuit): ObjectBackend {
  const watch = <T>(call: Call, result: Promise<T>, isStream = false): Promise<T> =>
    result.then(
      (value) => {
        circuit.ended('answered');
        return value;
      },
      (error: unknown) => {
        const outcome = outcomeOf(error, call);
        circuit.ended(isStream && outcome === 'failed' ? 'neither' : outcome);
        throw error;
      },
    );
  return wrapBackend(backend, {
    call: ({ call }, proceed) => watch(call, proceed(call)),
    atOnce(read, request) {
      const bytes = read(request);
      if (bytes) circuit.ended('answered');
      return bytes;
    },
    put: ({ call }, request, proceed) => watch(call, proceed(call, request), !(request.body instanceof Uint8Array)),
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
