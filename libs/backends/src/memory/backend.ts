import type { BackendType, Vendor } from '#libs/naming';
import type { BackendCapabilities } from '../capabilities.js';
import { BackendError } from '../errors.js';
import type * as port from '../object-backend.js';
import { memoryCapabilities, TYPICAL_VENDOR } from './capabilities.js';
import type { MemoryGatePoint, MemoryGateRef, MemoryOptions } from './config.js';
import { headOf, MemoryContainer, resultOf } from './containers.js';
import type { MemoryWrite, NewWrite } from './containers.js';
import { assertWanted } from '../filesystem/errors.js';
import { MemoryFreshIds } from './fresh-ids.js';
import { listMemory } from './listing.js';
import { chunksOf } from './read.js';
import { collectBody } from './write.js';

const LEGAL_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

function typeOf(vendor: Vendor): BackendType {
  return vendor === 'aws' || vendor === 'azure' || vendor === 'gcs' || vendor === 'filesystem' ? vendor : 's3';
}

/** A backend in memory, exact for each token kind: a model for tests, which hold its calls at gates. Nothing outlives the process. */
export class MemoryBackend implements port.ObjectBackend {
  readonly name: string;
  readonly vendor: Vendor;
  readonly type: BackendType;
  readonly capabilities: BackendCapabilities;
  readonly freshIds?: MemoryFreshIds;
  private readonly containers = new Map<string, MemoryContainer>();
  private readonly now: () => Date;
  private readonly defaultClass: string;
  private order = 0;
  private closed = false;

  constructor(private readonly options: MemoryOptions) {
    this.name = options.name;
    this.vendor = options.vendor ?? TYPICAL_VENDOR[options.tokens];
    this.type = typeOf(this.vendor);
    this.capabilities = memoryCapabilities(options.tokens, options.storageClasses);
    this.defaultClass = this.capabilities.storageClasses[0] ?? 'STANDARD';
    this.now = options.now ?? (() => new Date());
    if (options.tokens === 'id')
      this.freshIds = new MemoryFreshIds({
        open: (call, container) => this.open(call, container),
        newest: () => this.order,
      });
  }

  async createContainer(call: port.Call, { container }: port.CreateContainerRequest): Promise<port.ContainerInfo> {
    await this.enter(call);
    if (!LEGAL_NAME.test(container)) throw this.error('invalid', `not a container name: ${JSON.stringify(container)}`);
    if (this.containers.has(container)) throw this.error('conflict', `container ${container} exists`);
    const made = new MemoryContainer(this.name, container, this.capabilities.tokens, this.now());
    this.containers.set(container, made);
    return this.infoOf(made);
  }

  async inspectContainer(call: port.Call, container: string): Promise<port.ContainerInfo> {
    return this.infoOf(await this.open(call, container));
  }

  async listContainers(call: port.Call): Promise<readonly port.ContainerInfo[]> {
    await this.enter(call);
    return [...this.containers.values()].map((container) => this.infoOf(container));
  }

  async deleteContainer(call: port.Call, container: string): Promise<void> {
    const found = await this.open(call, container);
    if (!found.empty) throw this.error('conflict', `container ${container} is not empty`);
    this.containers.delete(container);
  }

  async put(call: port.Call, request: port.PutRequest): Promise<port.WriteResult> {
    await this.pass('put', 'before', request);
    const container = await this.open(call, request.container);
    this.assertClass(request.attributes);
    const upload = container.beginUpload(request.key, ++this.order);
    try {
      const bytes = await collectBody(this.name, call, request);
      const { key, attributes, condition } = request;
      const stored = this.commit(container, { key, bytes, attributes, condition });
      return await this.answer('put', container, stored);
    } finally {
      container.endUpload(upload);
    }
  }

  async get(call: port.Call, request: port.GetRequest): Promise<port.GetResult> {
    await this.pass('get', 'before', request);
    const container = await this.open(call, request.container);
    const found = container.get(request.key, request.token);
    await this.pass('get', 'after', request);
    const head = headOf(container.name, found, false, this.defaultClass);
    const body = chunksOf(this.name, call, found.bytes, request.range);
    return { head, body, discard: () => undefined };
  }

  async head(call: port.Call, request: Parameters<port.ObjectBackend['head']>[1]): Promise<port.ObjectHead> {
    await this.pass('head', 'before', request);
    const container = await this.open(call, request.container);
    const found = container.get(request.key, request.token);
    await this.pass('head', 'after', request);
    return headOf(container.name, found, request.withTags === true, this.defaultClass);
  }

  async delete(call: port.Call, ref: port.ObjectRef): Promise<'deleted' | 'absent'> {
    await this.pass('delete', 'before', ref);
    const container = await this.open(call, ref.container);
    let removed = container.find(ref.key, ref.token) !== undefined;
    if (this.capabilities.deleteByToken) {
      removed = container.remove(ref.key, ref.token);
    } else if (removed) {
      await this.pass('delete', 'checked', ref);
      container.removeCurrent(ref.key);
    }
    await this.pass('delete', 'after', ref);
    return removed ? 'deleted' : 'absent';
  }

  async list(call: port.Call, request: port.ListRequest): Promise<port.ListPage> {
    await this.pass('list', 'before', request);
    const page = listMemory(await this.open(call, request.container), request, this.defaultClass);
    await this.pass('list', 'after', request);
    return page;
  }

  async copy(call: port.Call, request: port.CopyRequest): Promise<port.WriteResult> {
    await this.pass('copy', 'before', request);
    const from = await this.open(call, request.source.container);
    const { bytes } = from.get(request.source.key, request.source.token);
    const container = await this.open(call, request.container);
    this.assertClass(request.attributes);
    const { key, attributes, condition } = request;
    return await this.answer('copy', container, this.commit(container, { key, bytes, attributes, condition }));
  }

  async restamp(call: port.Call, ref: port.ObjectRef, attributes: port.ObjectAttributes): Promise<port.WriteResult> {
    await this.pass('restamp', 'before', ref);
    const container = await this.open(call, ref.container);
    this.assertClass(attributes);
    const { bytes } = container.get(ref.key, ref.token);
    const stored = this.commit(container, { key: ref.key, bytes, attributes });
    return await this.answer('restamp', container, stored);
  }

  async abortUpload(call: port.Call, container: string, upload: { key: string; token: string }): Promise<void> {
    (await this.open(call, container)).endUpload(upload.token);
  }

  async enableVersioning(call: port.Call, container: string): Promise<port.ContainerInfo> {
    const found = await this.open(call, container);
    if (this.capabilities.tokens !== 'version') throw this.error('unsupported', 'there is no versioning to turn on');
    found.kind = this.capabilities.tokens;
    return this.infoOf(found);
  }

  async conceal(call: port.Call, container: string, key: string): Promise<void> {
    const found = await this.open(call, container);
    if (found.kind === 'version') found.conceal(key, ++this.order, this.now());
  }

  /** Makes a container as somebody else would who never turned versioning on. */
  async createUnversioned(call: port.Call, container: string): Promise<void> {
    await this.createContainer(call, { container });
    (await this.open(call, container)).kind = 'none';
  }

  /** Leaves an unfinished upload, as a writer that died would; with the time at which it began, where that is to be told. */
  async leaveUpload(call: port.Call, container: string, key: string, begun?: Date): Promise<void> {
    (await this.open(call, container)).beginUpload(key, ++this.order, begun);
  }

  /** Declares all writes so far to be a process's that is dead now: `freshIds.unsettled` gives those that were not settled. Nothing but for tokens of kind `id`. */
  endProcess(): void {
    this.freshIds?.endProcess();
  }

  async probe(call: port.Call): Promise<BackendCapabilities> {
    await this.enter(call);
    return this.capabilities;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.resolve();
  }

  private error(
    kind: 'invalid' | 'conflict' | 'not-found' | 'unavailable' | 'unsupported',
    message: string,
  ): BackendError {
    return new BackendError(kind, message, { backend: this.name });
  }

  private async enter(call: port.Call): Promise<void> {
    await Promise.resolve();
    assertWanted(this.name, call);
    if (this.closed) throw this.error('unavailable', 'the backend is closed');
  }

  private async open(call: port.Call, container: string): Promise<MemoryContainer> {
    await this.enter(call);
    const found = this.containers.get(container);
    if (found === undefined) throw this.error('not-found', `no container ${container}`);
    return found;
  }

  private infoOf({ name, kind, createdAt }: MemoryContainer): port.ContainerInfo {
    return { name, createdAt, tokens: kind };
  }

  private assertClass({ storageClass }: port.ObjectAttributes): void {
    if (storageClass === undefined || this.capabilities.storageClasses.includes(storageClass)) return;
    throw this.error('invalid', `no storage class ${storageClass}`);
  }

  private commit(container: MemoryContainer, write: NewWrite): MemoryWrite {
    return container.commit(write, ++this.order, this.now());
  }

  private async answer(
    operation: MemoryGatePoint['operation'],
    container: MemoryContainer,
    stored: MemoryWrite,
  ): Promise<port.WriteResult> {
    await this.pass(operation, 'after', { container: container.name, key: stored.key, token: stored.token });
    return resultOf(stored, this.defaultClass);
  }

  private async pass(
    operation: MemoryGatePoint['operation'],
    phase: MemoryGatePoint['phase'],
    { container, key, token }: MemoryGateRef,
  ): Promise<void> {
    if (this.options.gate === undefined) return;
    const what = { ...(key === undefined ? {} : { key }), ...(token === undefined ? {} : { token }) };
    await this.options.gate({ operation, phase }, { container, ...what });
  }
}
