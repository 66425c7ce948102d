import { randomBytes } from 'node:crypto';
import type { BackendCapabilities } from '../capabilities.js';
import { BackendError, isBackendError } from '../errors.js';
import type { Call, ObjectAttributes, ObjectBackend, PutRequest, WriteResult } from '../object-backend.js';

const PLAIN: ObjectAttributes = { headers: {}, metadata: {}, tags: {} };
/** Above the smallest part that every vendor takes, so that a write of unknown length goes in parts. */
const PARTS_BYTES = 16 * 1024 * 1024 + 1;
const CLEAN_UP_MS = 60_000;

/**
 * Finds out what an endpoint really does, in a container of its own that is removed again with all versions. A feature counts only if it was seen
 * to work: a condition must have refused a write. Fails with `denied`, `unavailable` or `invalid` if the backend cannot be used at all.
 */
export async function probe(backend: ObjectBackend, call: Call, prefix: string): Promise<BackendCapabilities> {
  const container = `${prefix.replace(/-$/, '')}-${randomBytes(6).toString('hex')}`;
  const made = await usable(backend, backend.createContainer(call, { container }));
  const trial = new Trial(backend, call, container);
  let seen: BackendCapabilities;
  try {
    seen = await usable(backend, trial.run(made.tokens));
  } catch (error) {
    await removeAll(backend, call, container).catch((cleanUp: unknown) => {
      const cause = new AggregateError([error, cleanUp], 'and its container could not be removed');
      throw new BackendError(
        isBackendError(error) ? error.kind : 'unknown',
        `the probe of ${backend.name} failed and left ${container} behind`,
        {
          backend: backend.name,
          cause,
        },
      );
    });
    throw error;
  }
  await removeAll(backend, call, container);
  return seen;
}

/** Failures that say the backend cannot be used are of three kinds; what else goes wrong in a probe is put under them. */
async function usable<T>(backend: ObjectBackend, attempt: Promise<T>): Promise<T> {
  try {
    return await attempt;
  } catch (error) {
    if (!isBackendError(error)) throw error;
    if (error.kind === 'denied' || error.kind === 'unavailable' || error.kind === 'invalid') throw error;
    const kind = error.retryable ? 'unavailable' : 'invalid';
    throw new BackendError(kind, `backend ${backend.name} cannot be used: ${error.message}`, {
      backend: backend.name,
      cause: error,
    });
  }
}

class Trial {
  readonly #backend: ObjectBackend;
  readonly #call: Call;
  readonly #container: string;

  constructor(backend: ObjectBackend, call: Call, container: string) {
    this.#backend = backend;
    this.#call = call;
    this.#container = container;
  }

  async run(tokens: BackendCapabilities['tokens']): Promise<BackendCapabilities> {
    const { capabilities } = this.#backend;
    const first = await this.#put('standing', 'one');
    await this.#readsBack(first);
    return {
      tokens,
      deleteByToken: tokens === 'version' && (await this.#versionsCoexist(first)),
      writeIfAbsent: capabilities.writeIfAbsent && (await this.#refuses({ ifAbsent: true })),
      writeIfToken:
        capabilities.writeIfToken &&
        tokens === 'none' &&
        (await this.#refuses({ ifToken: '"00000000000000000000000000000000"' })),
      multipart: await this.#works(() => this.#putParts()),
      serverSideCopy: await this.#works(() => this.#copy(first)),
      tags: capabilities.tags,
      storageClasses: await this.#storageClasses(),
    };
  }

  async #put(key: string, text: string, extra: Partial<PutRequest> = {}): Promise<WriteResult> {
    const body = Buffer.from(text);
    const attributes = { ...PLAIN, tags: { probe: 'yes' } };
    return await this.#backend.put(this.#call, {
      container: this.#container,
      key,
      body,
      size: body.length,
      attributes,
      ...extra,
    });
  }

  async #readsBack({ token }: WriteResult): Promise<void> {
    const answer = await this.#backend.get(this.#call, { container: this.#container, key: 'standing', token });
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    if (Buffer.concat(chunks).toString() === 'one') return;
    throw new BackendError('invalid', `backend ${this.#backend.name} does not give back what was written`, {
      backend: this.#backend.name,
    });
  }

  /** After a second write the first is still there, and goes by its token without taking the second along. */
  async #versionsCoexist(first: WriteResult): Promise<boolean> {
    const [container, key] = [this.#container, 'versions'];
    const old = await this.#put(key, 'old');
    const now = await this.#put(key, 'new');
    if (old.token === now.token || old.token === first.token) return false;
    const deleted = await this.#backend.delete(this.#call, { container, key, token: old.token });
    const head = await this.#backend.head(this.#call, { container, key });
    return deleted === 'deleted' && head.token === now.token;
  }

  /** Whether a write whose condition cannot hold is refused; accepted, or not understood, means the condition is not kept. */
  async #refuses(condition: NonNullable<PutRequest['condition']>): Promise<boolean> {
    try {
      await this.#put('standing', 'two', { condition });
      return false;
    } catch (error) {
      if (isBackendError(error, 'precondition')) return true;
      if (isBackendError(error, 'unsupported') || isBackendError(error, 'invalid')) return false;
      throw error;
    }
  }

  async #putParts(): Promise<void> {
    const chunk = Buffer.alloc(1024 * 1024);
    const body = (async function* () {
      for (let left = PARTS_BYTES; left > 0; left -= chunk.length)
        yield await Promise.resolve(chunk.subarray(0, Math.min(left, chunk.length)));
    })();
    await this.#backend.put(this.#call, { container: this.#container, key: 'parts', body, attributes: PLAIN });
  }

  async #copy({ token }: WriteResult): Promise<void> {
    const source = { container: this.#container, key: 'standing', token };
    await this.#backend.copy(this.#call, { source, container: this.#container, key: 'copied', attributes: PLAIN });
  }

  async #storageClasses(): Promise<string[]> {
    const [standard = 'STANDARD', ...others] = this.#backend.capabilities.storageClasses;
    const seen = [standard];
    for (const storageClass of others)
      if (await this.#works(() => this.#putClass(storageClass))) seen.push(storageClass);
    return seen;
  }

  /** A class counts only if the vendor then says that the object is in it: some ignore the header. */
  async #putClass(storageClass: string): Promise<void> {
    const key = `class-${storageClass}`;
    await this.#put(key, storageClass, { attributes: { ...PLAIN, storageClass } });
    const head = await this.#backend.head(this.#call, { container: this.#container, key });
    if (head.storageClass !== storageClass)
      throw new BackendError('unsupported', `${storageClass} is ignored`, { backend: this.#backend.name });
  }

  /** False if the vendor does not do it; an outage in the middle is no answer. */
  async #works(attempt: () => Promise<void>): Promise<boolean> {
    try {
      await attempt();
      return true;
    } catch (error) {
      if (isBackendError(error) && (error.retryable || error.kind === 'denied')) throw error;
      if (isBackendError(error)) return false;
      throw error;
    }
  }
}

/** Removes every version, marker and upload, then the container. */
async function removeAll(backend: ObjectBackend, { requestId }: Call, container: string): Promise<void> {
  const call: Call = { requestId, deadlineMs: CLEAN_UP_MS };
  let cursor: string | undefined;
  do {
    const at = cursor === undefined ? {} : { cursor };
    const page = await backend.list(call, { container, include: 'everything', limit: 1000, ...at });
    for (const { kind, key, token } of page.entries) {
      if (kind === 'upload') await backend.abortUpload?.(call, container, { key, token });
      else await backend.delete(call, { container, key, token });
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  await backend.deleteContainer(call, container);
}
