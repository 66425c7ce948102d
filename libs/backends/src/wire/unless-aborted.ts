import type { Call } from '../object-backend.js';
import { abortFailure } from './failures.js';

/** Waits for something that the call's signal does not reach, no longer than until the call is given up: then fails with `timeout`. */
export async function unlessAborted<T>(awaited: Promise<T>, { signal }: Call, backend: string): Promise<T> {
  if (!signal) return await awaited;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(abortFailure(backend, signal.reason));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([awaited, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
