import { expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { isBackendError, writesCoexist } from '../../src/index.js';
import type {
  BackendError,
  BackendErrorKind,
  Call,
  ContainerInfo,
  ListedEntry,
  ObjectAttributes,
  ObjectBackend,
  ObjectBody,
  ObjectHead,
  PutRequest,
  TokenKind,
  WriteResult,
} from '../../src/index.js';
import { collect } from './bytes.js';
import type { Harness } from './harness.js';
import { vendorKey } from './vendor-keys.js';

export const PLAIN: ObjectAttributes = { headers: {}, metadata: {}, tags: {} };

/** Waits for a call that must fail, and answers its failure. Any error but a `BackendError` of one of the kinds is a defect. */
export async function failure(attempt: Promise<unknown>, ...kinds: readonly BackendErrorKind[]): Promise<BackendError> {
  const outcome = await attempt.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (outcome === undefined) throw new Error(`the call succeeded; expected a failure: ${kinds.join(' or ')}`);
  if (!isBackendError(outcome.error)) throw new Error('the failure is no BackendError', { cause: outcome.error });
  if (kinds.length > 0 && !kinds.includes(outcome.error.kind))
    throw new Error(`failed with ${outcome.error.kind}, expected ${kinds.join(' or ')}`, { cause: outcome.error });
  return outcome.error;
}

/** Every error that led to this one, itself first. */
export function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (
    let next = error;
    next !== undefined && !chain.includes(next);
    next = next instanceof Error ? next.cause : undefined
  )
    chain.push(next);
  return chain;
}

/** One container of one backend, and short words for the calls that every case makes. */
export class Stage {
  readonly backend: ObjectBackend;
  readonly container: string;
  readonly tokens: TokenKind;

  private constructor(
    readonly harness: Harness,
    made: ContainerInfo,
    private readonly opened: { backend: ObjectBackend; close(): Promise<void> },
  ) {
    this.backend = opened.backend;
    this.container = made.name;
    this.tokens = made.tokens;
  }

  static async open(harness: Harness): Promise<Stage> {
    const opened = await harness.open();
    const container = Stage.containerName();
    const made = await opened.backend.createContainer({ requestId: 'conformance-open' }, { container });
    return new Stage(harness, made, opened);
  }

  /** Legal at every vendor. */
  static containerName(): string {
    return `spumoni-conformance-${randomBytes(6).toString('hex')}`;
  }

  get coexist(): boolean {
    return writesCoexist(this.tokens);
  }
  get bigObjectBytes(): number {
    return this.harness.bigObjectBytes ?? 12 * 1024 * 1024 + 7;
  }

  call(extra: Partial<Call> = {}): Call {
    return { requestId: randomBytes(8).toString('hex'), ...extra };
  }

  /** A key of this vendor that no other case has, under a readable name. */
  key(name: string): string {
    return vendorKey(`${randomBytes(4).toString('hex')}-${name}`, this.backend.vendor);
  }

  async put(key: string, body: ObjectBody, extra: Partial<PutRequest> & { call?: Call } = {}): Promise<WriteResult> {
    const { call = this.call(), ...rest } = extra;
    const size = body instanceof Uint8Array ? { size: body.length } : {};
    return await this.backend.put(call, {
      container: this.container,
      key,
      body,
      attributes: PLAIN,
      ...size,
      ...rest,
    });
  }

  async read(key: string, token?: string): Promise<{ head: ObjectHead; bytes: Buffer }> {
    const answer = await this.backend.get(this.call(), {
      container: this.container,
      key,
      ...(token === undefined ? {} : { token }),
    });
    return { head: answer.head, bytes: await collect(answer.body) };
  }

  async head(key: string, token?: string): Promise<ObjectHead> {
    const which = token === undefined ? {} : { token };
    return await this.backend.head(this.call(), { container: this.container, key, withTags: true, ...which });
  }

  async delete(key: string, token: string): Promise<'deleted' | 'absent'> {
    return await this.backend.delete(this.call(), { container: this.container, key, token });
  }

  /** All pages of a listing. */
  async list(
    include: 'current' | 'everything',
    prefix: string,
    limit = 1000,
    container = this.container,
  ): Promise<ListedEntry[]> {
    const entries: ListedEntry[] = [];
    let cursor: string | undefined;
    do {
      const at = cursor === undefined ? {} : { cursor };
      const page = await this.backend.list(this.call(), { container, prefix, include, limit, ...at });
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      entries.push(...page.entries);
      expect(page.cursor === undefined || page.cursor !== cursor).toBe(true);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return entries;
  }

  /** That nothing with this key is there in any form. */
  async expectNothing(key: string): Promise<void> {
    expect(await this.list('everything', key)).toEqual([]);
  }

  /** That `key` holds exactly these bytes, and nothing else of it is there in any form. */
  async expectOnly(key: string, bytes: Uint8Array): Promise<void> {
    expect((await this.read(key)).bytes.equals(bytes)).toBe(true);
    expect((await this.list('everything', key)).map((entry) => entry.kind)).toEqual(['object']);
  }

  /** Removes everything in a container, and the container. */
  async removeContainer(container: string): Promise<void> {
    for (const entry of await this.list('everything', '', 1000, container)) {
      const { key, token } = entry;
      if (entry.kind === 'upload') await this.backend.abortUpload?.(this.call(), container, { key, token });
      else await this.backend.delete(this.call(), { container, key, token });
    }
    await this.backend.deleteContainer(this.call(), container);
  }

  async close(): Promise<void> {
    try {
      await this.removeContainer(this.container);
    } finally {
      await this.opened.close();
    }
  }
}
