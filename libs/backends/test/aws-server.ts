import { S3Client } from '@aws-sdk/client-s3';
import { it } from '@jest/globals';
import { findServer } from '../../../test/servers/index.js';
import type { AccessKeys, RunningServer } from '../../../test/servers/index.js';
import { openBackend } from '../src/index.js';
import type { BackendDefinition, ObjectBackend } from '../src/index.js';

export type S3Server = RunningServer<AccessKeys>;

/** Whether a suite cannot run here; it is then counted as one skipped test. */
export function isMissing(name: 'minio' | 'moto'): boolean {
  if (findServer(name)) return false;
  it.skip(`[skipped: ${name} is not installed]`, () => undefined);
  return true;
}

export function definitionOf(server: S3Server, rest: Partial<BackendDefinition>): BackendDefinition {
  const { accessKey, secretKey } = server.credentials;
  return {
    name: server.name,
    type: 's3',
    endpoint: server.endpoint,
    credentials: { accessKey, secretKey: { reveal: () => secretKey } },
    ...rest,
    options: { insecure: true, partBytes: 5 * 1024 * 1024, ...rest.options },
  };
}

/** The vendor's own client, as the reference. */
export function sdkOf(server: S3Server): S3Client {
  const { accessKey: accessKeyId, secretKey: secretAccessKey } = server.credentials;
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
}

export interface Opened {
  readonly server: S3Server;
  readonly backend: ObjectBackend;
  readonly client: S3Client;
  close(): Promise<void>;
}

/** Starts a server, and opens the adapter and the SDK on it. */
export async function open(start: () => Promise<S3Server>, rest: Partial<BackendDefinition>): Promise<Opened> {
  const server = await start();
  const backend = await openBackend(definitionOf(server, rest));
  const client = sdkOf(server);
  const close = async (): Promise<void> => {
    client.destroy();
    await backend.close();
    await server.stop();
  };
  return { server, backend, client, close };
}
