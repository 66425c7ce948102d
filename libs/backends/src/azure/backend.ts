import type { BackendCapabilities } from '../capabilities.js';
import type * as port from '../object-backend.js';
import { AZURE_CAPABILITIES } from './capabilities.js';
import { createWire } from '../wire/index.js';
import { AzureAccess } from './access.js';
import type { AzureConfig } from './config.js';
import * as containers from './containers.js';
import { copyObject } from './copy.js';
import { abortUpload, listPage } from './listing.js';
import { probeAzure } from './probe.js';
import { getObject, headObject } from './read.js';
import { AzureClient } from './requests.js';
import { restampObject } from './restamp.js';
import { AzureSdk } from './sdk.js';
import type { ControlClient } from './sdk.js';
import { deleteObject, putObject } from './write.js';

/** Azure Blob storage: block blobs of one storage account, opened with its key, a SAS, or tokens. Tokens are ETags, which at Azure name a write, not content. */
export class AzureBackend implements port.ObjectBackend {
  readonly name: string;
  readonly type = 'azure';
  readonly vendor = 'azure';
  readonly capabilities: BackendCapabilities = AZURE_CAPABILITIES;
  readonly #client: AzureClient;
  readonly #control: ControlClient;

  constructor(config: AzureConfig, now?: () => number) {
    const { name, origin, connections, line } = config;
    this.name = name;
    const wire = createWire({ backend: name, origin, connections, line });
    const access = new AzureAccess(config, now);
    this.#client = new AzureClient(config, wire, access);
    this.#control = { config, sdk: new AzureSdk(config, wire, access) };
  }

  async createContainer(call: port.Call, request: port.CreateContainerRequest): Promise<port.ContainerInfo> {
    return await containers.createContainer(this.#control, call, request);
  }
  async inspectContainer(call: port.Call, container: string): Promise<port.ContainerInfo> {
    return await containers.inspectContainer(this.#control, call, container);
  }
  async listContainers(call: port.Call): Promise<readonly port.ContainerInfo[]> {
    return await containers.listContainers(this.#control, call);
  }
  async deleteContainer(call: port.Call, container: string): Promise<void> {
    await containers.deleteContainer(this.#control, call, container);
  }

  async put(call: port.Call, request: port.PutRequest): Promise<port.WriteResult> {
    return await putObject(this.#client, call, request);
  }
  async get(call: port.Call, request: port.GetRequest): Promise<port.GetResult> {
    return await getObject(this.#client, call, request);
  }
  async head(call: port.Call, request: Parameters<port.ObjectBackend['head']>[1]): Promise<port.ObjectHead> {
    return await headObject(this.#client, call, request);
  }
  async delete(call: port.Call, ref: port.ObjectRef): Promise<'deleted' | 'absent'> {
    return await deleteObject(this.#client, call, ref);
  }
  async list(call: port.Call, request: port.ListRequest): Promise<port.ListPage> {
    return await listPage(this.#control, call, request);
  }
  async copy(call: port.Call, request: port.CopyRequest): Promise<port.WriteResult> {
    return await copyObject(this.#client, call, request);
  }
  async restamp(call: port.Call, ref: port.ObjectRef, attributes: port.ObjectAttributes): Promise<port.WriteResult> {
    return await restampObject(this.#client, call, ref, attributes);
  }
  async abortUpload(call: port.Call, container: string, upload: { key: string; token: string }): Promise<void> {
    await abortUpload(this.#client, call, container, upload);
  }

  async probe(call: port.Call, prefix: string): Promise<BackendCapabilities> {
    return await probeAzure(this, call, prefix);
  }
  async close(): Promise<void> {
    await this.#client.close();
  }
}
