import { randomBytes } from 'node:crypto';
import type { BackendCapabilities } from '../capabilities.js';
import { BackendError, isBackendError } from '../errors.js';
import type { Call, ObjectAttributes, ObjectBackend } from '../object-backend.js';
import { cleanUpFailure, withoutSignal } from './promote.js';

const PLAIN: ObjectAttributes = { headers: {}, metadata: {}, tags: {} };

/**
 * Tries everything that the capabilities promise, in a container of its own, with objects of one byte: conditional writes and deletes that must
 * be refused, tags, a server-side copy, each tier. Tiers that the account does not have (premium accounts have none, zone-redundant ones no
 * Archive) are left out of the answer; an account that lacks anything else is refused with `invalid`.
 */
export async function probeAzure(backend: ObjectBackend, call: Call, prefix: string): Promise<BackendCapabilities> {
  const container = `${prefix}-${randomBytes(6).toString('hex')}`;
  await explained(backend, backend.createContainer(call, { container }));
  let seen: BackendCapabilities;
  try {
    const probe = new Probe(backend, call, container);
    await probe.conditions();
    await probe.tags();
    await probe.copies();
    seen = { ...backend.capabilities, storageClasses: await probe.tiers() };
  } catch (error) {
    throw await afterRemoving(backend, call, container, error);
  }
  await removeContainer(backend, withoutSignal(call), container);
  return seen;
}

class Probe {
  constructor(
    private readonly backend: ObjectBackend,
    private readonly call: Call,
    private readonly container: string,
  ) {}

  async conditions(): Promise<void> {
    const key = 'conditions';
    const { token } = await this.put(key, PLAIN, { ifAbsent: true });
    await this.refused('a write on the condition that nothing is there', this.put(key, PLAIN, { ifAbsent: true }));
    const next = await this.put(key, PLAIN, { ifToken: token });
    await this.refused('a write on the condition of an ETag', this.put(key, PLAIN, { ifToken: token }));
    const stale = await this.backend.delete(this.call, { container: this.container, key, token });
    if (stale !== 'absent' || next.token === token) throw this.unfit('does not keep a deletion to the ETag it names');
  }

  async tags(): Promise<void> {
    const key = 'tags';
    await this.put(key, { ...PLAIN, tags: { probe: 'yes' } });
    const { tags } = await this.backend.head(this.call, { container: this.container, key, withTags: true });
    if (tags?.['probe'] !== 'yes') throw this.unfit('does not keep blob tags');
  }

  async copies(): Promise<void> {
    const { token } = await this.put('source', PLAIN);
    const source = { container: this.container, key: 'source', token };
    const copied = await this.backend.copy(this.call, {
      source,
      container: this.container,
      key: 'copy',
      attributes: PLAIN,
    });
    if (copied.size !== 1) throw this.unfit('does not copy blobs');
  }

  /** The tiers that a blob really is in afterwards. */
  async tiers(): Promise<string[]> {
    const kept: string[] = [];
    for (const storageClass of this.backend.capabilities.storageClasses) {
      const key = `tier-${storageClass}`;
      try {
        await this.put(key, { ...PLAIN, storageClass });
        const head = await this.backend.head(this.call, { container: this.container, key });
        if (head.storageClass === storageClass) kept.push(storageClass);
      } catch (error) {
        // The account has no such tier; all else is a failure of the probe.
        if (!isBackendError(error, 'invalid') && !isBackendError(error, 'unsupported')) throw error;
      }
    }
    if (kept.length === 0) throw this.unfit('has no access tiers: premium accounts are not supported');
    return kept;
  }

  private async put(
    key: string,
    attributes: ObjectAttributes,
    condition?: { ifAbsent: true } | { ifToken: string },
  ): Promise<{ token: string }> {
    const { container } = this;
    const request = { container, key, body: Uint8Array.of(1), size: 1, attributes };
    return await this.backend.put(this.call, condition === undefined ? request : { ...request, condition });
  }

  private async refused(what: string, attempt: Promise<unknown>): Promise<void> {
    try {
      await attempt;
    } catch (error) {
      if (isBackendError(error, 'precondition')) return;
      throw error;
    }
    throw this.unfit(`accepts ${what} although it does not hold`);
  }

  private unfit(reason: string): BackendError {
    return new BackendError('invalid', `backend ${this.backend.name} cannot be used: the storage account ${reason}`, {
      backend: this.backend.name,
    });
  }
}

/** Says what a person can do about a first call that failed. */
async function explained(backend: ObjectBackend, attempt: Promise<unknown>): Promise<void> {
  try {
    await attempt;
  } catch (error) {
    if (!isBackendError(error, 'denied')) throw error;
    const { vendorCode, vendorRequestId } = error;
    throw new BackendError(
      'denied',
      `${error.message} Check the account's name and key, that the account lets itself be opened by key and from this address, and this machine's clock.`,
      {
        backend: backend.name,
        cause: error,
        ...(vendorCode === undefined ? {} : { vendorCode }),
        ...(vendorRequestId === undefined ? {} : { vendorRequestId }),
      },
    );
  }
}

async function removeContainer(backend: ObjectBackend, call: Call, container: string): Promise<void> {
  let cursor: string | undefined;
  do {
    const at = cursor === undefined ? {} : { cursor };
    const page = await backend.list(call, { container, include: 'everything', limit: 100, ...at });
    for (const { kind, key, token } of page.entries) {
      if (kind === 'upload') await backend.abortUpload?.(call, container, { key, token });
      else await backend.delete(call, { container, key, token });
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  await backend.deleteContainer(call, container);
}

async function afterRemoving(backend: ObjectBackend, call: Call, container: string, error: unknown): Promise<unknown> {
  try {
    await removeContainer(backend, withoutSignal(call), container);
    return error;
  } catch (removing) {
    return cleanUpFailure(backend.name, error, removing);
  }
}
