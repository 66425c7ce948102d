import type { BlobServiceClient } from '@azure/storage-blob';
import type { Call } from '../object-backend.js';
import type { AzureConfig } from './config.js';
import { sdkFailure } from './errors.js';

/** What the calls on containers need. */
export interface ControlClient {
  readonly config: AzureConfig;
  readonly sdk: AzureSdk;
}

/** The vendor's own client, for calls that are no part of the data path. Loaded with the first of them; its own retries are off. */
export class AzureSdk {
  #service: Promise<BlobServiceClient> | undefined;

  constructor(private readonly config: AzureConfig) {}

  /** Makes one call. Fails with `BackendError`, however the SDK fails. */
  async run<Result>(
    call: Call,
    action: string,
    make: (service: BlobServiceClient, abortSignal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    try {
      const signal = deadlineOf(call);
      signal.throwIfAborted();
      this.#service ??= open(this.config);
      return await make(await this.#service, signal);
    } catch (error) {
      throw sdkFailure(error, this.config.name, action, call);
    }
  }
}

async function open({ origin, basePath, account, accountKey }: AzureConfig): Promise<BlobServiceClient> {
  const { BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob');
  const credential = new StorageSharedKeyCredential(account, accountKey.reveal());
  return new BlobServiceClient(origin + basePath, credential, { retryOptions: { maxTries: 1 } });
}

function deadlineOf({ signal, deadlineMs }: Call): AbortSignal {
  const ends = AbortSignal.timeout(deadlineMs ?? 60_000);
  return signal === undefined ? ends : AbortSignal.any([signal, ends]);
}
