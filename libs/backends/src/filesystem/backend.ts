import type { BackendCapabilities } from '../capabilities.js';
import { BackendError } from '../errors.js';
import type * as port from '../object-backend.js';
import { FILESYSTEM_CAPABILITIES } from './capabilities.js';
import type { FilesystemConfig } from './config.js';
import * as containers from './containers.js';
import { copyWrite } from './copy.js';
import type { CopyTarget } from './copy.js';
import { assertWanted } from './errors.js';
import { listFiles } from './listing.js';
import { FilesystemFreshIds } from './fresh-ids.js';
import { makePlace } from './place.js';
import type { FilesystemTools, Place } from './place.js';
import { PlainListing } from './plain/plain-listing.js';
import { headPlain, openPlain } from './plain/plain-read.js';
import type { PlainKey } from './plain/plain-standing.js';
import { deletePlain, writePlain } from './plain/plain-write.js';
import { probeFilesystem } from './probe.js';
import { headOf, inspectWrite, openBody } from './read.js';
import { readAtOnce } from './read-at-once.js';
import { findNewest } from './scan.js';
import { assertClass, writeFile } from './write.js';

/**
 * Objects as files of a directory tree, one fresh file a write, named by the token (see format.ts and layout.ts); in directories that were taken over, files under their keys (see plain/).
 * What stands at a key is found by scanning when no token is given: for recovery alone. Conditions are `unsupported` for the same reason.
 */
export class FilesystemBackend implements port.ObjectBackend {
  readonly name: string;
  readonly type = 'filesystem';
  readonly vendor = 'filesystem';
  readonly capabilities: BackendCapabilities = FILESYSTEM_CAPABILITIES;
  readonly freshIds: FilesystemFreshIds;
  private readonly place: Place;
  private readonly plainListing: PlainListing;
  private closed = false;

  constructor(config: FilesystemConfig, tools?: FilesystemTools) {
    this.name = config.name;
    this.place = makePlace(config, tools);
    this.plainListing = new PlainListing(config.name);
    this.freshIds = new FilesystemFreshIds(this.place, (call, doing, action) => this.attempt(call, doing, action));
  }

  createContainer(call: port.Call, { container }: port.CreateContainerRequest): Promise<port.ContainerInfo> {
    return this.attempt(call, 'making a container', () => containers.createContainer(this.place, container));
  }

  inspectContainer(call: port.Call, container: string): Promise<port.ContainerInfo> {
    return this.attempt(call, 'reading a container', () => containers.inspectContainer(this.place, container));
  }

  listContainers(call: port.Call): Promise<readonly port.ContainerInfo[]> {
    return this.attempt(call, 'listing containers', () => containers.listContainers(this.place));
  }

  deleteContainer(call: port.Call, container: string): Promise<void> {
    return this.attempt(call, 'deleting a container', () => containers.deleteContainer(this.place, container));
  }

  prepareTakeover(call: port.Call, container: string): Promise<port.ContainerInfo> {
    return this.attempt(call, 'taking a directory over', () => containers.prepareTakeover(this.place, container));
  }

  put(call: port.Call, request: port.PutRequest): Promise<port.WriteResult> {
    return this.attempt(call, 'storing an object', () => this.store(call, request));
  }

  get(call: port.Call, request: port.GetRequest): Promise<port.GetResult> {
    return this.attempt(call, 'opening an object', async () => {
      const plain = await this.plain(request);
      if (plain) return await openPlain(this.place, call, plain, request);
      const token = request.token ?? (await this.newest(request));
      return await openBody(this.place, call, { ...request, token });
    });
  }

  readonly getAtOnce: port.GetAtOnce = (request) => (this.closed ? undefined : readAtOnce(this.place, request));

  head(call: port.Call, request: Parameters<port.ObjectBackend['head']>[1]): Promise<port.ObjectHead> {
    return this.attempt(call, 'reading the head of an object', async () => {
      const plain = await this.plain(request);
      if (plain) return await headPlain(this.place, plain, request);
      const token = request.token ?? (await this.newest(request));
      const facts = await inspectWrite(this.place, { ...request, token });
      return headOf(request.container, token, facts, request.withTags === true);
    });
  }

  delete(call: port.Call, ref: port.ObjectRef): Promise<'deleted' | 'absent'> {
    return this.attempt(call, 'deleting an object', async () => {
      const plain = await this.plain(ref);
      return plain ? await deletePlain(this.place, plain, ref) : await containers.deleteWrite(this.place, ref);
    });
  }

  list(call: port.Call, request: port.ListRequest): Promise<port.ListPage> {
    return this.attempt(call, 'listing a container', async () => {
      const plain = await this.place.plain.of(request.container);
      return plain ? await this.plainListing.page(plain, request) : await listFiles(this.place, request);
    });
  }

  copy(call: port.Call, request: port.CopyRequest): Promise<port.WriteResult> {
    return this.attempt(call, 'copying an object', () => this.copyTo(call, request.source, request));
  }

  restamp(call: port.Call, ref: port.ObjectRef, attributes: port.ObjectAttributes): Promise<port.WriteResult> {
    const { container, key } = ref;
    return this.attempt(call, 'changing the attributes of an object', () =>
      this.copyTo(call, ref, { container, key, attributes }),
    );
  }

  abortUpload(call: port.Call, container: string, upload: { key: string; token: string }): Promise<void> {
    return this.attempt(call, 'forgetting an upload', () =>
      containers.abortUpload(this.place, container, upload.token),
    );
  }

  probe(call: port.Call, prefix: string): Promise<BackendCapabilities> {
    return this.attempt(call, 'probing the directory', () => probeFilesystem(this, call, prefix));
  }

  /** Opens a new session of ids in place of an old one, and forgets those that are settled: what a timer does every 10 minutes. */
  rotateSessions(): Promise<void> {
    return this.place.sessions.tick();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.plainListing.close();
    try {
      await this.place.sessions.close();
    } catch (error) {
      throw await this.place.root.failure(error, 'closing the backend');
    }
  }

  private async attempt<T>(call: port.Call, doing: string, action: () => T | Promise<T>): Promise<T> {
    if (this.closed) throw new BackendError('unavailable', 'the backend is closed', { backend: this.name });
    assertWanted(this.name, call);
    try {
      return await action();
    } catch (error) {
      throw await this.place.root.failure(error, doing);
    }
  }

  /** Where the object lies if its container is one that was taken over. */
  private async plain({ container, key }: { container: string; key: string }): Promise<PlainKey | undefined> {
    const layout = await this.place.plain.of(container);
    return layout && { layout, container, key };
  }

  private async store(call: port.Call, request: port.PutRequest): Promise<port.WriteResult> {
    this.assertPossible(request);
    const plain = await this.plain(request);
    return plain ? await writePlain(this.place, call, plain, request) : await writeFile(this.place, call, request);
  }

  /** Of files under keys, or to such, the bytes are read and written again; by id they pass inside the system. */
  private async copyTo(
    call: port.Call,
    source: port.ObjectRef,
    target: CopyTarget & { readonly condition?: port.WriteCondition },
  ): Promise<port.WriteResult> {
    this.assertPossible(target);
    const [from, to] = [await this.plain(source), await this.plain(target)];
    if (!from && !to) return await copyWrite(this.place, call, source, target);
    const opened = from ? await openPlain(this.place, call, from, source) : await openBody(this.place, call, source);
    try {
      return await this.store(call, { ...target, body: opened.body, size: opened.head.size });
    } finally {
      opened.discard();
    }
  }

  private assertPossible(request: { attributes: port.ObjectAttributes; condition?: port.WriteCondition }): void {
    assertClass(this.name, request.attributes);
    if (request.condition === undefined) return;
    const message = 'a filesystem backend stores by id and takes no condition on a key';
    throw new BackendError('unsupported', message, { backend: this.name });
  }

  private async newest({ container, key }: { container: string; key: string }): Promise<string> {
    const found = await findNewest(this.place, container, key);
    if (found !== undefined) return found;
    throw new BackendError('not-found', 'no such object', { backend: this.name });
  }
}
