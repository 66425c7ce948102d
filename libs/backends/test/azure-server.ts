import { findServer, startAzurite } from '../../../test/servers/index.js';
import type { RunningServer, StorageAccount } from '../../../test/servers/index.js';
import { openBackend } from '../src/index.js';
import type { BackendDefinition, ObjectBackend } from '../src/index.js';

/** What the title of a test ends in where Azurite is not installed. */
export const AZURITE_ABSENT = findServer('azurite') ? undefined : ' [skipped: azurite is not installed]';

const secret = (value: string): { reveal(): string } => ({ reveal: () => value });

/** An account on a running Azurite. */
export function definitionFor(
  { endpoint, credentials }: Pick<RunningServer<StorageAccount>, 'endpoint' | 'credentials'>,
  options: BackendDefinition['options'] = {},
): BackendDefinition {
  return {
    name: 'azurite',
    type: 'azure',
    endpoint,
    credentials: { accountName: credentials.accountName, accountKey: secret(credentials.accountKey) },
    options: { insecure: true, ...options },
  };
}

/** One Azurite for the tests of a file, and backends on it. */
export class AzuriteFixture {
  #server: RunningServer<StorageAccount> | undefined;
  readonly #opened: ObjectBackend[] = [];

  get server(): RunningServer<StorageAccount> {
    if (!this.#server) throw new Error('Azurite does not run');
    return this.#server;
  }

  async start(): Promise<void> {
    this.#server = await startAzurite();
  }

  async open(options: BackendDefinition['options'] = {}): Promise<ObjectBackend> {
    const backend = await openBackend(definitionFor(this.server, options));
    this.#opened.push(backend);
    return backend;
  }

  async stop(): Promise<void> {
    for (const backend of this.#opened) await backend.close();
    await this.#server?.stop();
  }
}
