import {
  isBackendError,
  wrapBackend,
  type Call,
  type GetResult,
  type ObjectBackend,
  type Operation,
} from '#libs/backends';
import type { RunningSpan, Tracing } from '#libs/tracing';

/** How often the call was sent, as an attribute of its span. */
export const ATTEMPTS = 'spumoni.attempts';

function failureOf(error: unknown): string {
  return isBackendError(error) ? error.kind : 'unknown';
}

/** The body of an answer, at whose end, whole or not, the span ends. */
function untilBodyEnds(result: GetResult, span: RunningSpan): GetResult {
  if (result.whole !== undefined) {
    span.set({ 'spumoni.bytes': result.whole.length });
    span.end();
    return result;
  }
  let bytes = 0;
  let over = false;
  const end = (failure?: string): void => {
    if (over) return;
    over = true;
    span.set({ 'spumoni.bytes': bytes });
    span.end(failure);
  };
  async function* followed(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of result.body) {
        bytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      end(failureOf(error));
      throw error;
    } finally {
      end();
    }
  }
  const discard = (): void => {
    result.discard();
    end();
  };
  return { head: result.head, body: followed(), discard };
}

/**
 * A span for each call that something traced makes, over all its attempts; a download's lasts until its body ends. It names backend and operation, never container, key or credential. Calls of nobody
 * (the sweep's) have none, and those of a job are counted.
 */
export function tracedBackend(backend: ObjectBackend, tracing: Tracing): ObjectBackend {
  const begin = (operation: Operation): RunningSpan | undefined => {
    const active = tracing.active();
    if (active === undefined || !active.isRecorded) return undefined;
    if (active.countsParts) {
      active.count(`spumoni.calls.${operation}`);
      return undefined;
    }
    const attributes = {
      'spumoni.backend': backend.name,
      'spumoni.vendor': backend.vendor,
      'spumoni.operation': operation,
    };
    return tracing.begin({ name: `backend ${operation}`, kind: 'client', attributes });
  };
  const around = async <T>(
    operation: Operation,
    run: () => Promise<T>,
    finish: (span: RunningSpan, result: T) => T,
  ): Promise<T> => {
    const span = begin(operation);
    if (span === undefined) return run();
    try {
      return finish(span, await tracing.within(span, run));
    } catch (error) {
      span.end(failureOf(error));
      throw error;
    }
  };
  const ended = <T>(span: RunningSpan, result: T): T => {
    span.end();
    return result;
  };
  return wrapBackend(backend, {
    call: ({ operation, call }, proceed) => around(operation, () => proceed(call), ended),
    get: ({ call }: { call: Call }, proceed) =>
      around(
        'get',
        () => proceed(call),
        (span, result) => untilBodyEnds(result, span),
      ),
    put: ({ call }, request, proceed) =>
      around(
        'put',
        () => proceed(call, request),
        (span, result) => {
          span.set({ 'spumoni.bytes': result.size });
          return ended(span, result);
        },
      ),
  });
}
