import type { BackendCapabilities } from '../capabilities.js';
import type {
  Call,
  ContainerInfo,
  CopyRequest,
  CreateContainerRequest,
  GetRequest,
  GetResult,
  ListPage,
  ListRequest,
  ObjectAttributes,
  ObjectBackend,
  ObjectHead,
  ObjectRef,
  PutRequest,
  WriteResult,
} from '../object-backend.js';
import { AccessTokens } from './authorization.js';
import { GCS_CAPABILITIES } from './capabilities.js';
import type { GcsConfig } from './config.js';
import { Containers } from './containers.js';
import { listObjects } from './listing.js';
import { probe } from './probe.js';
import { Reader } from './read.js';
import { GcsRequests } from './requests.js';
import { Rewriter } from './rewrite.js';
import { Writer } from './write.js';

/**
 * Google Cloud Storage through its JSON API. Tokens are generations: a write replaces the one before, and every read, write and delete names the
 * generation it means. A `restamp` that keeps the class keeps the token.
 */
export class GcsBackend implements ObjectBackend {
  readonly type = 'gcs';
  readonly vendor = 'gcs';
  readonly capabilities: BackendCapabilities = GCS_CAPABILITIES;
  readonly name: string;
  readonly #gcs: GcsRequests;
  readonly #containers: Containers;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #rewriter: Rewriter;

  constructor(config: GcsConfig, now?: () => number) {
    this.name = config.name;
    this.#gcs = new GcsRequests(config, new AccessTokens(config, now));
    this.#containers = new Containers(this.#gcs);
    this.#reader = new Reader(this.#gcs);
    this.#writer = new Writer(this.#gcs, this.#reader);
    this.#rewriter = new Rewriter(this.#gcs);
  }

  createContainer(call: Call, request: CreateContainerRequest): Promise<ContainerInfo> {
    return this.#containers.create(call, request);
  }
  inspectContainer(call: Call, container: string): Promise<ContainerInfo> {
    return this.#containers.inspect(call, container);
  }
  listContainers(call: Call): Promise<readonly ContainerInfo[]> {
    return this.#containers.list(call);
  }
  deleteContainer(call: Call, container: string): Promise<void> {
    return this.#containers.delete(call, container);
  }

  put(call: Call, request: PutRequest): Promise<WriteResult> {
    return this.#writer.put(call, request);
  }
  get(call: Call, request: GetRequest): Promise<GetResult> {
    return this.#reader.get(call, request);
  }
  head(
    call: Call,
    request: { container: string; key: string; token?: string; withTags?: boolean },
  ): Promise<ObjectHead> {
    return this.#reader.head(call, request);
  }
  delete(call: Call, ref: ObjectRef): Promise<'deleted' | 'absent'> {
    return this.#reader.delete(call, ref);
  }
  list(call: Call, request: ListRequest): Promise<ListPage> {
    return listObjects(this.#gcs, call, request);
  }
  copy(call: Call, request: CopyRequest): Promise<WriteResult> {
    return this.#rewriter.copy(call, request);
  }
  restamp(call: Call, ref: ObjectRef, attributes: ObjectAttributes): Promise<WriteResult> {
    return this.#rewriter.restamp(call, ref, attributes);
  }
  probe(call: Call, prefix: string): Promise<BackendCapabilities> {
    return probe(this, call, prefix);
  }
  close(): Promise<void> {
    return this.#gcs.close();
  }
}
