import { describe } from '@jest/globals';
import { findServer, startMinio, startMoto } from '../../../test/servers/index.js';
import type { AccessKeys, RunningServer } from '../../../test/servers/index.js';
import { openBackend } from '../src/index.js';
import type { BackendDefinition, ObjectBackend } from '../src/index.js';
import { describeConformance } from './conformance/index.js';

function definitionOf(server: RunningServer<AccessKeys>, rest: Partial<BackendDefinition>): BackendDefinition {
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

async function open(start: () => Promise<RunningServer<AccessKeys>>, rest: Partial<BackendDefinition>) {
  const server = await start();
  const backend: ObjectBackend = await openBackend(definitionOf(server, rest));
  return {
    backend,
    close: async () => {
      await backend.close();
      await server.stop();
    },
  };
}

describe('minio', () => {
  if (!findServer('minio')) return;
  describeConformance('aws adapter on MinIO', { open: () => open(startMinio, { profile: 'minio' }), gaps: [] });
});

describe('moto', () => {
  if (!findServer('moto')) return;
  describeConformance('aws adapter on moto', {
    open: () => open(startMoto, { type: 'aws', region: 'us-east-1' }),
    gaps: [],
  });
});
