import { describe, it } from '@jest/globals';
import { findServer, skippedFor, startFakeGcs } from '../../../test/servers/index.js';
import { openGcs } from '../src/gcs/index.js';
import { describeConformance } from './conformance/index.js';

if (findServer('fake-gcs-server'))
  describeConformance('GCS on fake-gcs-server', {
    async open() {
      const server = await startFakeGcs();
      const backend = openGcs({
        name: 'gcs',
        type: 'gcs',
        endpoint: server.endpoint,
        credentials: {},
        options: { insecure: true, ...server.credentials },
      });
      const close = async (): Promise<void> => {
        await backend.close();
        await server.stop();
      };
      return { backend, close };
    },
    gaps: [],
  });
