import { createHash, createHmac } from 'node:crypto';
import { RunningSpumoni } from '../test/system/running-spumoni.js';
import { findServer, startMinio } from '../test/servers/index.js';
import type { PreparedRequest } from './http-load.js';

/** A server under load, and how a request to it is made. */
export interface Subject {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The processes that serve, whose CPU is counted. */
  pids(): Promise<number[]>;
  prepare(method: 'GET' | 'PUT' | 'HEAD', key: string, body?: Buffer): PreparedRequest;
  prepareList(query: Readonly<Record<string, string>>): PreparedRequest;
  stop(): Promise<void>;
}

const BUCKET = 'bench-bucket';

/** The product as `npm start` runs it, with its filesystem backend. */
export async function spumoniSubject(): Promise<Subject> {
  const spumoni = await RunningSpumoni.start({
    environment: { SPUMONI_LOG_LEVEL: 'warn', SPUMONI_API_PROCESSES: '0' },
  });
  const client = spumoni.client();
  await client.expect(200, 'PUT', `/v1/${BUCKET}`, { json: { type: 'filesystem', name: BUCKET, backend: 'local' } });
  const { hostname, port } = new URL(spumoni.url);
  const lines = (method: string, path: string, length?: number): Buffer =>
    Buffer.from(
      `${method} ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${client.authorization}\r\n${length === undefined ? '' : `content-length: ${length}\r\n`}\r\n`,
    );
  return {
    name: 'Spumoni /v1, filesystem',
    host: hostname,
    port: Number(port),
    pids: () => spumoni.pidsOf('api'),
    prepare: (method, key, body) => ({
      head: lines(method, `/v1/${BUCKET}/${key}`, body?.length),
      ...(body ? { body } : {}),
    }),
    prepareList: (query) => ({
      head: lines('GET', `/v1/${BUCKET}?${new URLSearchParams({ maxKeys: '1000', ...query }).toString()}`),
    }),
    stop: () => spumoni.stop(),
  };
}

/** MinIO on one drive, synced writes, requests signed in advance; undefined where it is not installed. */
export async function minioSubject(): Promise<Subject | undefined> {
  if (!findServer('minio')) return undefined;
  const minio = await startMinio();
  const { hostname, port, host } = new URL(minio.endpoint);
  const signed = (method: string, path: string, query: string, length?: number): Buffer =>
    signedHead({ method, path, query, host, ...minio.credentials }, length);
  await fetchOk(minio.endpoint, signed('PUT', `/${BUCKET}`, '', 0));
  return {
    name: 'MinIO, one drive',
    host: hostname,
    port: Number(port),
    pids: () => Promise.resolve([minio.pid]),
    prepare: (method, key, body) => ({
      head: signed(method, `/${BUCKET}/${key}`, '', body?.length),
      ...(body ? { body } : {}),
    }),
    prepareList: (query) => ({
      head: signed(
        'GET',
        `/${BUCKET}`,
        new URLSearchParams(Object.entries({ 'list-type': '2', 'max-keys': '1000', ...query }).sort()).toString(),
      ),
    }),
    stop: () => minio.stop(),
  };
}

async function fetchOk(endpoint: string, head: Buffer): Promise<void> {
  const [line = '', ...rest] = head.toString().trim().split('\r\n');
  const [method = '', path = ''] = line.split(' ');
  const headers = Object.fromEntries(
    rest
      .filter((h) => !/^(host|content-length):/.test(h))
      .map((h) => [h.slice(0, h.indexOf(':')), h.slice(h.indexOf(':') + 1).trim()]),
  );
  const answer = await fetch(`${endpoint}${path}`, { method, headers });
  if (!answer.ok) throw new Error(`${line}: ${answer.status} ${await answer.text()}`);
}

interface ToSign {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** AWS Signature Version 4 with an unsigned payload (the bench's own, so that no SDK's cost is in the way). */
function signedHead(request: ToSign, length?: number): Buffer {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const date = stamp.slice(0, 8);
  const scope = `${date}/us-east-1/s3/aws4_request`;
  const headers = `host:${request.host}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:${stamp}\n`;
  const names = 'host;x-amz-content-sha256;x-amz-date';
  const canonical = [request.method, request.path, request.query, headers, names, 'UNSIGNED-PAYLOAD'].join('\n');
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const key = [date, 'us-east-1', 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${request.secretKey}`);
  const toSign = `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const signature = hmac(key, toSign).toString('hex');
  const target = request.query === '' ? request.path : `${request.path}?${request.query}`;
  return Buffer.from(
    `${request.method} ${target} HTTP/1.1\r\nhost: ${request.host}\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\nx-amz-date: ${stamp}\r\n` +
      `authorization: AWS4-HMAC-SHA256 Credential=${request.accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}\r\n` +
      `${length === undefined ? '' : `content-length: ${length}\r\n`}\r\n`,
  );
}
