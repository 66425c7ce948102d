import { randomBytes } from 'node:crypto';
import type { BackendCapabilities } from '../capabilities.js';
import { BackendError, isBackendError } from '../errors.js';
import type { BackendErrorKind } from '../errors.js';
import type { Call, ObjectAttributes, ObjectBackend, WriteCondition, WriteResult } from '../object-backend.js';

const KEY = 'probe';
const BARE: ObjectAttributes = { headers: {}, metadata: {}, tags: {} };

/** Tries what the capabilities promise, in a container of its own, and removes that again. */
export async function probe(backend: ObjectBackend, call: Call, prefix: string): Promise<BackendCapabilities> {
  const container = `${prefix}-${randomBytes(6).toString('hex')}`;
  try {
    await backend.createContainer(call, { container });
    const trial = new Trial(backend, call, container);
    let seen: BackendCapabilities;
    try {
      seen = await trial.run();
    } catch (error) {
      throw await trial.removedAfter(error);
    }
    await trial.remove();
    return seen;
  } catch (error) {
    throw refusal(backend.name, error);
  }
}

class Trial {
  constructor(
    private readonly backend: ObjectBackend,
    private readonly call: Call,
    private readonly container: string,
  ) {}

  async run(): Promise<BackendCapabilities> {
    const { capabilities } = this.backend;
    const first = await this.#put(KEY, {});
    const writeIfAbsent = await this.#refuses({ ifAbsent: true });
    const second = await this.#put(KEY, {});
    const writeIfToken = await this.#refuses({ ifToken: first.token });
    const standing = (await this.backend.head(this.call, { container: this.container, key: KEY })).token;
    const deleteByToken = await this.#keepsOthers(first.token, standing);
    if (second.token === first.token)
      throw new BackendError('invalid', 'two writes of one key have the same generation: this is no GCS', {});
    return {
      ...capabilities,
      writeIfAbsent,
      writeIfToken,
      deleteByToken,
      serverSideCopy: await this.#copies(),
      storageClasses: await this.#classes(capabilities.storageClasses),
    };
  }

  /** Whether a write whose condition is not met is refused, and refused for that reason. */
  async #refuses(condition: WriteCondition): Promise<boolean> {
    try {
      await this.#put(KEY, { condition });
      return false;
    } catch (error) {
      if (isBackendError(error, 'precondition')) return true;
      throw error;
    }
  }

  /** Whether deleting a superseded write leaves the one that stands. */
  async #keepsOthers(superseded: string, standing: string): Promise<boolean> {
    const { container } = this;
    const answer = await this.backend.delete(this.call, { container, key: KEY, token: superseded });
    const left = await this.backend.list(this.call, { container, prefix: KEY, include: 'current', limit: 1 });
    return answer === 'absent' && left.entries[0]?.token === standing;
  }

  async #copies(): Promise<boolean> {
    const { container } = this;
    const source = { container, key: 'copied', token: (await this.#put('copied', {})).token };
    try {
      const copy = await this.backend.copy(this.call, { source, container, key: 'copy', attributes: BARE });
      return copy.size === 1;
    } catch (error) {
      if (isBackendError(error, 'unsupported')) return false;
      throw error;
    }
  }

  /** The classes that are really stored in. A container in Autoclass mode ignores what is asked for. */
  async #classes(known: readonly string[]): Promise<string[]> {
    const stored: string[] = [];
    for (const storageClass of known) {
      try {
        const written = await this.#put(`class-${storageClass}`, { storageClass });
        if (written.storageClass === storageClass) stored.push(storageClass);
      } catch (error) {
        if (!isBackendError(error, 'invalid')) throw error;
      }
    }
    return stored;
  }

  #put(
    key: string,
    { condition, storageClass }: { condition?: WriteCondition; storageClass?: string },
  ): Promise<WriteResult> {
    return this.backend.put(this.call, {
      container: this.container,
      key,
      body: Buffer.from('?'),
      attributes: { ...BARE, ...(storageClass === undefined ? {} : { storageClass }) },
      ...(condition === undefined ? {} : { condition }),
    });
  }

  async remove(): Promise<void> {
    const { container } = this;
    let cursor: string | undefined;
    do {
      const at = cursor === undefined ? {} : { cursor };
      const page = await this.backend.list(this.call, { container, include: 'everything', limit: 1000, ...at });
      for (const { key, token } of page.entries) await this.backend.delete(this.call, { container, key, token });
      cursor = page.cursor;
    } while (cursor !== undefined);
    await this.backend.deleteContainer(this.call, container);
  }

  /** Cleans up after a failure; answers it, with the clean-up's own in its cause if that failed too. */
  async removedAfter(error: unknown): Promise<unknown> {
    try {
      await this.remove();
      return error;
    } catch (cleanUp) {
      const message = error instanceof Error ? error.message : String(error);
      const kind = isBackendError(error) ? error.kind : 'unknown';
      const cause = new AggregateError(
        [error, cleanUp],
        `a probe failed, and so did removing its container ${this.container}`,
      );
      return new BackendError(kind, `${message} (container ${this.container} may be left)`, {
        backend: this.backend.name,
        cause,
      });
    }
  }
}

/** What the failure of a probe says about the backend: not to be used with these rights, not now, or not as it is set up. */
const MEANING: Readonly<Record<BackendErrorKind, 'denied' | 'unavailable' | 'invalid'>> = {
  denied: 'denied',
  throttled: 'unavailable',
  unavailable: 'unavailable',
  full: 'unavailable',
  timeout: 'unavailable',
  integrity: 'unavailable',
  unknown: 'unavailable',
  'not-found': 'invalid',
  conflict: 'invalid',
  precondition: 'invalid',
  invalid: 'invalid',
  unsupported: 'invalid',
};

function refusal(backend: string, error: unknown): unknown {
  if (!isBackendError(error)) return error;
  return new BackendError(MEANING[error.kind], `backend ${backend} cannot be used: ${error.message}`, {
    backend,
    ...(error.vendorCode === undefined ? {} : { vendorCode: error.vendorCode }),
    ...(error.vendorRequestId === undefined ? {} : { vendorRequestId: error.vendorRequestId }),
    cause: error,
  });
}
