import type { Vendor } from '#libs/naming';
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
import { capabilitiesOf } from './capabilities.js';
import type { AwsConfig } from './config.js';
import { Containers } from './containers.js';
import { Control } from './control.js';
import { Copier } from './copy.js';
import { Lister } from './listing.js';
import { MultipartUploads } from './multipart.js';
import { probe } from './probe.js';
import { Reader } from './read.js';
import { S3Requests } from './requests.js';
import { Writer } from './write.js';

/** AWS S3, and the services that speak its protocol. Delegates to one part for each concern; see those for what each call guarantees. */
export class AwsBackend implements ObjectBackend {
  readonly name: string;
  readonly type: 'aws' | 's3';
  readonly vendor: Vendor;
  readonly capabilities: BackendCapabilities;
  readonly #s3: S3Requests;
  readonly #control: Control;
  readonly #containers: Containers;
  readonly #lister: Lister;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #uploads: MultipartUploads;
  readonly #copier: Copier;

  constructor(config: AwsConfig, now?: () => number) {
    this.name = config.name;
    this.type = config.type;
    this.vendor = config.vendor;
    this.capabilities = capabilitiesOf(config);
    const rules = { config, capabilities: this.capabilities };
    this.#s3 = new S3Requests(config, now);
    this.#control = new Control(this.#s3);
    this.#lister = new Lister(config, this.#control);
    this.#containers = new Containers(config, this.#control, this.#lister);
    this.#reader = new Reader(this.#s3, this.#control, rules);
    this.#uploads = new MultipartUploads(this.#s3);
    this.#writer = new Writer(this.#s3, this.#uploads, rules);
    this.#copier = new Copier({
      s3: this.#s3,
      uploads: this.#uploads,
      reader: this.#reader,
      writer: this.#writer,
      rules,
    });
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
    return this.#lister.list(call, request);
  }

  copy(call: Call, request: CopyRequest): Promise<WriteResult> {
    return this.#copier.copy(call, request);
  }

  restamp(call: Call, ref: ObjectRef, attributes: ObjectAttributes): Promise<WriteResult> {
    return this.#copier.restamp(call, ref, attributes);
  }

  abortUpload(call: Call, container: string, upload: { key: string; token: string }): Promise<void> {
    return this.#uploads.abort(call, { container, key: upload.key }, upload.token);
  }

  enableVersioning(call: Call, container: string): Promise<ContainerInfo> {
    return this.#containers.enableVersioning(call, container);
  }

  conceal(call: Call, container: string, key: string): Promise<void> {
    return this.#containers.conceal(call, container, key);
  }

  probe(call: Call, prefix: string): Promise<BackendCapabilities> {
    return probe(this, call, prefix);
  }

  async close(): Promise<void> {
    await this.#s3.close();
    await this.#control.close();
  }
}
