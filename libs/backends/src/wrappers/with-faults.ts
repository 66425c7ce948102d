import { BackendError } from '../errors.js';
import type { ObjectBackend, ObjectBody } from '../object-backend.js';
import type { Fault, FaultPlan } from './fault-plan.js';
import { wrapBackend } from './wrap-backend.js';
import type { Around, Step } from './wrap-backend.js';

async function* firstBytes(body: ObjectBody, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function* cut(body: ObjectBody, bytes: number, error: BackendError): AsyncGenerator<Uint8Array> {
  yield* firstBytes(body, bytes);
  throw error;
}

/** The body as the backend gets it. */
function suffered(body: ObjectBody, fault: Fault | undefined): ObjectBody {
  if (fault?.kind === 'truncate-upload') return firstBytes(body, fault.bytes);
  return fault?.kind === 'cut-upload' ? cut(body, fault.bytes, fault.error) : body;
}

/** Holds, fails or lets go what comes before a call, and its answer after it. */
async function suffer<T>(
  backend: string,
  { step, plan, fault }: { step: Step; plan: FaultPlan; fault: Fault | undefined },
  proceed: () => Promise<T>,
): Promise<T> {
  const { operation, call } = step;
  switch (fault?.kind) {
    case 'fail':
      throw fault.error;
    case 'hang':
      await plan.hold(operation, call.signal);
      throw new BackendError('unavailable', 'the call hung until it was released', { backend });
    case 'delay':
      await plan.hold(operation, call.signal);
      return await proceed();
    case 'lose-answer':
      await proceed();
      throw fault.error;
    case 'cut-upload':
      // The backend says that the body ended in an error; over a real line nobody could say that any more.
      await proceed().catch(() => undefined);
      throw fault.error;
    case 'truncate-upload':
    case 'cut-download':
    case undefined:
      return await proceed();
  }
}

/** Lets calls go wrong as planned: for tests of what stands above the port. */
export function withFaults(backend: ObjectBackend, plan: FaultPlan): ObjectBackend {
  const around: Around = {
    call: (step, proceed) =>
      suffer(backend.name, { step, plan, fault: plan.next(step.operation) }, () => proceed(step.call)),
    put(step, request, proceed) {
      const fault = plan.next('put');
      const sent = { ...request, body: suffered(request.body, fault) };
      return suffer(backend.name, { step, plan, fault }, () => proceed(step.call, sent));
    },
    async get(step, proceed) {
      const fault = plan.next('get');
      const result = await suffer(backend.name, { step, plan, fault }, () => proceed(step.call));
      if (fault?.kind !== 'cut-download') return result;
      const discard = (): void => result.discard();
      return { head: result.head, body: cut(result.body, fault.bytes, fault.error), discard };
    },
  };
  return wrapBackend(backend, around);
}
