import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { findServer, startAzurite } from '../../../test/servers/index.js';
import type { RunningServer, StorageAccount } from '../../../test/servers/index.js';
import { openBackend } from '../src/index.js';
import type { BackendDefinition, Call, ListedEntry, ObjectAttributes, ObjectBackend } from '../src/index.js';

export const PLAIN: ObjectAttributes = { headers: {}, metadata: {}, tags: {} };

/** An account of an Azurite, or of what only looks like one. */
export function azureDefinition(
  { endpoint, credentials }: { readonly endpoint: string; readonly credentials: StorageAccount },
  options: BackendDefinition['options'] = {},
): BackendDefinition {
  return {
    name: 'azurite',
    type: 'azure',
    endpoint,
    credentials: {
      accountName: credentials.accountName,
      accountKey: { reveal: () => credentials.accountKey },
    },
    options: { insecure: true, ...options },
  };
}

/** One Azurite for a file's tests, with backends and the SDK as a reference on it. */
export class AzuriteFixture {
  #server: RunningServer<StorageAccount> | undefined;
  #service: BlobServiceClient | undefined;
  readonly #opened: ObjectBackend[] = [];

  get server(): RunningServer<StorageAccount> {
    if (!this.#server) throw new Error('Azurite does not run');
    return this.#server;
  }

  get service(): BlobServiceClient {
    const { endpoint, credentials } = this.server;
    const credential = new StorageSharedKeyCredential(credentials.accountName, credentials.accountKey);
    this.#service ??= new BlobServiceClient(endpoint, credential, { retryOptions: { maxTries: 1 } });
    return this.#service;
  }

  call(extra: Partial<Call> = {}): Call {
    return { requestId: randomBytes(8).toString('hex'), ...extra };
  }

  async start(): Promise<void> {
    this.#server = await startAzurite();
  }

  async open(options: BackendDefinition['options'] = {}): Promise<ObjectBackend> {
    const backend = await openBackend(azureDefinition(this.server, options));
    this.#opened.push(backend);
    return backend;
  }

  /** A new container, made by the SDK. */
  async container(): Promise<string> {
    const name = `azure-${randomBytes(6).toString('hex')}`;
    await this.service.createContainer(name);
    return name;
  }

  /** All that a listing of everything shows. */
  async everything(backend: ObjectBackend, container: string, prefix = ''): Promise<ListedEntry[]> {
    const entries: ListedEntry[] = [];
    let cursor: string | undefined;
    do {
      const at = cursor === undefined ? {} : { cursor };
      const page = await backend.list(this.call(), { container, prefix, include: 'everything', limit: 100, ...at });
      entries.push(...page.entries);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return entries;
  }

  async stop(): Promise<void> {
    for (const backend of this.#opened) await backend.close();
    await this.#server?.stop();
  }
}

/** Tests on a running Azurite; where it is not installed, one counted skip. */
export function describeOnAzurite(title: string, define: (azurite: AzuriteFixture) => void): void {
  describe(title, () => {
    if (!findServer('azurite')) {
      it.skip(`${title} [skipped: azurite is not installed]`, () => undefined);
      return;
    }
    const azurite = new AzuriteFixture();
    beforeAll(() => azurite.start());
    afterAll(() => azurite.stop());
    define(azurite);
  });
}
