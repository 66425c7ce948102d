import type { BlobServiceClient, HttpOperationResponse, IHttpClient, WebResource } from '@azure/storage-blob';
import { BackendError } from '../errors.js';
import type { Call } from '../object-backend.js';
import type { Wire } from '../wire/index.js';
import type { AzureAccess } from './access.js';
import type { AzureConfig } from './config.js';
import { sdkFailure } from './errors.js';

/** What the calls on containers need. */
export interface ControlClient {
  readonly config: AzureConfig;
  readonly sdk: AzureSdk;
}

/** The vendor's own client, for calls that are no part of the data path. Loaded with the first of them; its own retries are off. Its requests travel over the data path's wire. */
export class AzureSdk {
  #service: Promise<BlobServiceClient> | undefined;

  constructor(
    private readonly config: AzureConfig,
    private readonly wire: Wire,
    private readonly access: AzureAccess,
  ) {}

  /** Makes one call. Fails with `BackendError`, however the SDK fails. */
  async run<Result>(
    call: Call,
    action: string,
    make: (service: BlobServiceClient, abortSignal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    try {
      const signal = deadlineOf(call);
      signal.throwIfAborted();
      this.#service ??= open(this.config, this.wire, this.access);
      return await make(await this.#service, signal);
    } catch (error) {
      throw sdkFailure(error, this.config.name, action, call);
    }
  }
}

async function open(config: AzureConfig, wire: Wire, access: AzureAccess): Promise<BlobServiceClient> {
  const { AnonymousCredential, BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob');
  const { origin, basePath, account, identity } = config;
  const options = { retryOptions: { maxTries: 1 }, httpClient: overWire(wire, config.name) };
  const url = origin + basePath;
  if (identity.kind === 'sas')
    return new BlobServiceClient(`${url}?${identity.sas}`, new AnonymousCredential(), options);
  if (identity.kind === 'key') {
    const credential = new StorageSharedKeyCredential(account, identity.key.reveal());
    return new BlobServiceClient(url, credential, options);
  }
  return new BlobServiceClient(url, access.tokenCredential(), options);
}

/** A page of 5,000 blobs with all their metadata and tags stays below. */
const ANSWER_BYTES = 128 * 1024 * 1024;

function overWire(wire: Wire, backend: string): IHttpClient {
  return {
    sendRequest: async (request) => {
      const body: unknown = request.body;
      if (body !== undefined && body !== null && typeof body !== 'string')
        throw new BackendError('unsupported', "a request of the vendor's client has a body that is no text", {
          backend,
        });
      const { pathname, search } = new URL(request.url);
      const answer = await wire.send(
        {
          method: request.method,
          path: pathname + search,
          headers: headersOf(request),
          ...(typeof body === 'string' && body !== '' ? { body: Buffer.from(body) } : {}),
        },
        { requestId: request.requestId, ...signalOf(request) },
      );
      const bodyAsText = Buffer.from(await answer.body.collect(ANSWER_BYTES)).toString();
      const headers = request.headers.clone();
      for (const name of headers.headerNames()) headers.remove(name);
      for (const [name, value] of Object.entries(answer.headers)) headers.set(name, value);
      const response: HttpOperationResponse = { request, status: answer.status, headers, bodyAsText };
      return response;
    },
  };
}

function headersOf(request: WebResource): string[] {
  return request.headers
    .headersArray()
    .filter(({ name }) => name.toLowerCase() !== 'content-length')
    .flatMap(({ name, value }) => [name, value]);
}

function signalOf({ abortSignal }: WebResource): { signal?: AbortSignal } {
  return abortSignal instanceof AbortSignal ? { signal: abortSignal } : {};
}

function deadlineOf({ signal, deadlineMs }: Call): AbortSignal {
  const ends = AbortSignal.timeout(deadlineMs ?? 60_000);
  return signal === undefined ? ends : AbortSignal.any([signal, ends]);
}
