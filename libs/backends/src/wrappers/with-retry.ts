import { isBackendError } from '../errors.js';
import type { BackendError } from '../errors.js';
import type { Call, ObjectBackend, ObjectHead, PutRequest, WriteResult } from '../object-backend.js';
import type { RetryBudget } from './retry-budget.js';
import { wrapBackend } from './wrap-backend.js';
import type { Operation } from './wrap-backend.js';

export interface RetryOptions {
  readonly budget: RetryBudget;
  /** All attempts, the first included. Default 3. */
  readonly attempts?: number;
  /** The first pause is up to this, each further one up to twice the one before. Default 50. */
  readonly baseDelayMs?: number;
  /** No pause is longer; a backend that asks for a longer one is not asked again. Default 5,000. */
  readonly maxDelayMs?: number;
  /** Asked before each further attempt; false ends them with the failure there was. Default: always. */
  readonly mayRetry?: () => boolean;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Resolves after the pause, or as soon as the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Whether a call whose outcome is unknown may simply be made again. The others are repeated only after `throttled`, which says that nothing was done. */
const REPEATABLE: Readonly<Record<Operation, boolean>> = {
  createContainer: false, // its own first attempt would be the conflict
  inspectContainer: true,
  listContainers: true,
  deleteContainer: false,
  put: true, // of a buffer, and see `RetriedPut`
  get: true,
  head: true,
  delete: true,
  list: true,
  copy: false,
  restamp: false, // its token stands no more once it succeeded
  abortUpload: true,
  enableVersioning: true,
  prepareTakeover: true,
  conceal: true,
  probe: false,
};

/** Repeats one call as often as kind, budget and signal allow. */
class Retrier {
  private readonly attempts: number;
  private readonly baseDelayMs: number;
  private readonly maxDelayMs: number;

  constructor(private readonly options: RetryOptions) {
    ({ attempts: this.attempts = 3, baseDelayMs: this.baseDelayMs = 50, maxDelayMs: this.maxDelayMs = 5000 } = options);
  }

  /** `attempt` is given the failure before, if its outcome is unknown. */
  async run<T>(
    call: Call,
    repeatable: boolean,
    attempt: (unknownOutcome: BackendError | undefined) => Promise<T>,
  ): Promise<T> {
    let unknownOutcome: BackendError | undefined;
    for (let made = 1; ; made++) {
      try {
        const result = await attempt(unknownOutcome);
        this.options.budget.succeeded();
        return result;
      } catch (error) {
        if (!isBackendError(error) || !error.retryable || made >= this.attempts) throw error;
        // Another attempt's success would hide what this one could not remove.
        if (error.leftBehind) throw error;
        if (error.kind !== 'throttled') unknownOutcome = error;
        if (unknownOutcome !== undefined && !repeatable) throw error;
        await this.pause(call, error, made);
      }
    }
  }

  private async pause(call: Call, error: BackendError, made: number): Promise<void> {
    const { random, sleep, budget, mayRetry = () => true } = this.options;
    const asked = error.retryAfterMs ?? 0;
    if (asked > this.maxDelayMs || isGivenUp(call) || !mayRetry() || !budget.take()) throw error;
    const backoff = Math.min(this.maxDelayMs, this.baseDelayMs * 2 ** (made - 1));
    await sleep(Math.min(this.maxDelayMs, asked + random() * backoff), call.signal);
    if (isGivenUp(call) || !mayRetry()) throw error;
  }
}

/** A function, because the answer changes while a caller waits. */
function isGivenUp(call: Call): boolean {
  return call.signal?.aborted === true;
}

function resultOfHead({ token, vendorEtag, size, storageClass, md5 }: ObjectHead): WriteResult {
  return { token, vendorEtag, size, storageClass, ...(md5 === undefined ? {} : { md5 }) };
}

/** The write that an earlier attempt of this request made, if it is what stands at the key: it bears the same write id. */
async function findOwnWrite(backend: ObjectBackend, call: Call, request: PutRequest): Promise<WriteResult | undefined> {
  const { container, key, attributes } = request;
  if (attributes.writeId === undefined) return undefined;
  try {
    const head = await backend.head(call, { container, key });
    return head.writeId === attributes.writeId ? resultOfHead(head) : undefined;
  } catch (error) {
    if (isBackendError(error, 'not-found')) return undefined;
    throw error;
  }
}

/** The same where writes become versions, also if it lies beneath another writer's by now. A key's own versions come first among those that begin with it. */
async function findOwnVersion(
  backend: ObjectBackend,
  call: Call,
  request: PutRequest & { readonly body: Uint8Array },
): Promise<WriteResult | undefined> {
  const { container, key, attributes, body } = request;
  const standing = await findOwnWrite(backend, call, request);
  if (standing !== undefined || attributes.writeId === undefined) return standing;
  let cursor: string | undefined;
  do {
    const wanted = { container, prefix: key, include: 'everything', limit: 1000 } as const;
    const page = await backend.list(call, cursor === undefined ? wanted : { ...wanted, cursor });
    for (const entry of page.entries) {
      if (entry.key !== key) return undefined;
      if (entry.kind !== 'noncurrent' || entry.size !== body.byteLength) continue;
      const head = await backend.head(call, { container, key, token: entry.token });
      if (head.writeId === attributes.writeId) return resultOfHead(head);
    }
    ({ cursor } = page);
  } while (cursor !== undefined);
  return undefined;
}

/**
 * A put again, after an attempt whose outcome is unknown. Where writes become versions it first looks whether that attempt arrived, as a second version would
 * belong to nobody: one that arrives later still is reconciling's to find. A condition that fails then may have been met by that attempt: only another's write is a failure.
 */
async function putAgain(
  backend: ObjectBackend,
  call: Call,
  request: PutRequest & { readonly body: Uint8Array },
): Promise<WriteResult> {
  if (backend.capabilities.tokens === 'version') {
    const own = await findOwnVersion(backend, call, request);
    if (own !== undefined) return own;
  }
  try {
    return await backend.put(call, request);
  } catch (error) {
    const own = isBackendError(error, 'precondition') ? await findOwnWrite(backend, call, request) : undefined;
    if (own === undefined) throw error;
    return own;
  }
}

/**
 * Repeats calls that failed for a moment: with full jitter, within a budget, after the pause that the backend asked for. Uploads of a stream are sent once: their
 * bytes are gone. A body that is cut is not read again here; whoever reads goes on at its offset.
 */
export function withRetry(backend: ObjectBackend, options: RetryOptions): ObjectBackend {
  const retrier = new Retrier(options);
  return wrapBackend(backend, {
    call: ({ operation, call }, proceed) => retrier.run(call, REPEATABLE[operation], () => proceed(call)),
    atOnce(read, request) {
      const bytes = read(request);
      if (bytes) options.budget.succeeded();
      return bytes;
    },
    put({ call }, request, proceed) {
      const { body } = request;
      if (!(body instanceof Uint8Array)) return proceed(call, request);
      return retrier.run(call, REPEATABLE.put, (unknownOutcome) =>
        unknownOutcome === undefined ? proceed(call, request) : putAgain(backend, call, { ...request, body }),
      );
    },
  });
}
