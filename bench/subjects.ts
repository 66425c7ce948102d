import { RunningSpumoni } from '../test/system/running-spumoni.js';
import type { BackendBody } from '../test/system/vendor-servers.js';
import { findServer, startMinio } from '../test/servers/index.js';
import { BUCKET, s3Subject } from './s3-subject.js';
import type { Subject } from './subject.js';

/** The product as `npm start` runs it, with its filesystem backend, or before the backend that is given. */
export async function spumoniSubject(
  before?: { readonly title: string; readonly body: BackendBody },
  bucket = BUCKET,
): Promise<Subject> {
  const spumoni = await RunningSpumoni.start({
    environment: { SPUMONI_LOG_LEVEL: 'warn', SPUMONI_API_PROCESSES: '0' },
  });
  const client = spumoni.client();
  if (before) await client.expect(201, 'POST', '/admin/v1/backends', { json: before.body });
  await client.expect(200, 'PUT', `/v1/${bucket}`, { json: { name: bucket, backend: before?.body.name ?? 'local' } });
  const { hostname, port } = new URL(spumoni.url);
  const lines = (method: string, path: string, length?: number): Buffer =>
    Buffer.from(
      `${method} ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${client.authorization}\r\n${length === undefined ? '' : `content-length: ${length}\r\n`}\r\n`,
    );
  return {
    name: `Spumoni /v1, ${before?.title ?? 'filesystem'}`,
    host: hostname,
    port: Number(port),
    pids: () => spumoni.pidsOf('api'),
    prepare: (method, key, body) => ({
      head: lines(method, `/v1/${bucket}/${key}`, body?.length),
      ...(body ? { body } : {}),
    }),
    prepareList: (query) => ({
      head: lines('GET', `/v1/${bucket}?${new URLSearchParams({ maxKeys: '1000', ...query }).toString()}`),
    }),
    stop: () => spumoni.stop(),
  };
}

/** MinIO on one drive, synced writes; undefined where it is not installed. */
export async function minioSubject(): Promise<Subject | undefined> {
  if (!findServer('minio')) return undefined;
  return s3Subject('MinIO, one drive', await startMinio());
}
