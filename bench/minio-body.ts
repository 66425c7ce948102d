import type { AccessKeys } from '../test/servers/index.js';
import type { BackendBody } from '../test/system/vendor-servers.js';

/** How a running MinIO is registered as a backend. */
export function minioBody({ endpoint, credentials }: { endpoint: string; credentials: AccessKeys }): BackendBody {
  const { accessKey, secretKey } = credentials;
  return {
    name: 'minio',
    type: 's3',
    profile: 'minio',
    region: 'us-east-1',
    endpoint,
    credentials: { accessKey, secretKey },
    options: { insecure: true },
  };
}
