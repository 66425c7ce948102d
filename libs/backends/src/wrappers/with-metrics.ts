import { isBackendError } from '../errors.js';
import type { BackendErrorKind } from '../errors.js';
import type { Call, GetResult, ObjectBackend, ObjectBody } from '../object-backend.js';
import { followBody, wrapBackend } from './wrap-backend.js';
import type { Around, Operation } from './wrap-backend.js';

/** One call, once it is over. A `get` is over when its body is. */
export interface Observation {
  readonly backend: string;
  readonly operation: Operation;
  readonly outcome: 'ok' | BackendErrorKind;
  readonly seconds: number;
  /** Bytes of content that went up or down; 0 for calls without content. */
  readonly bytes: number;
}
export type BackendObserver = (observation: Observation) => void;

export interface MetricsOptions {
  readonly observe: BackendObserver;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Count {
  bytes: number;
}

async function* counted(body: AsyncIterable<Uint8Array>, count: Count): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    count.bytes += chunk.length;
    yield chunk;
  }
}

function countedBody(body: ObjectBody, count: Count): ObjectBody {
  if (!(body instanceof Uint8Array)) return counted(body, count);
  count.bytes = body.length;
  return body;
}

/** Whether whoever asked went away, rather than that a limit was over. */
function isGivenUp({ signal }: Call): boolean {
  return signal?.aborted === true && !isBackendError(signal.reason);
}

/** Tells an observer of every call: which, how it ended, how long it took, how much it moved. */
export function withMetrics(backend: ObjectBackend, options: MetricsOptions): ObjectBackend {
  const { observe, now = () => performance.now() } = options;
  const begin = (operation: Operation, count: Count) => {
    const started = now();
    return (failure: { readonly error: unknown } | undefined): void => {
      const kind = isBackendError(failure?.error) ? failure.error.kind : 'unknown';
      const outcome = failure === undefined ? 'ok' : kind;
      observe({ backend: backend.name, operation, outcome, seconds: (now() - started) / 1000, bytes: count.bytes });
    };
  };
  const measured = async <T>(operation: Operation, count: Count, proceed: () => Promise<T>): Promise<T> => {
    const end = begin(operation, count);
    try {
      const result = await proceed();
      end(undefined);
      return result;
    } catch (error) {
      end({ error });
      throw error;
    }
  };
  const around: Around = {
    call: (step, proceed) => measured(step.operation, { bytes: 0 }, () => proceed(step.call)),
    put(step, request, proceed) {
      const count = { bytes: 0 };
      const body = countedBody(request.body, count);
      return measured('put', count, () => proceed(step.call, { ...request, body }));
    },
    async get(step, proceed): Promise<GetResult> {
      const count = { bytes: 0 };
      const end = begin('get', count);
      // A reader that went away left early, as one that stops reading does.
      const endBody: typeof end = (failure) => end(isGivenUp(step.call) ? undefined : failure);
      try {
        return followBody(await proceed(step.call), (bytes) => (count.bytes += bytes), endBody);
      } catch (error) {
        end({ error });
        throw error;
      }
    },
    atOnce(read, request) {
      const started = now();
      const bytes = read(request);
      if (bytes) {
        const seconds = (now() - started) / 1000;
        observe({ backend: backend.name, operation: 'get', outcome: 'ok', seconds, bytes: bytes.length });
      }
      return bytes;
    },
  };
  return wrapBackend(backend, around);
}
