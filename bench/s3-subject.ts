import { createHash, createHmac } from 'node:crypto';
import type { AccessKeys } from '../test/servers/index.js';
import type { Subject } from './subject.js';

/** A running server that speaks S3. */
export interface S3Server {
  readonly endpoint: string;
  readonly credentials: AccessKeys;
  readonly pid: number;
  stop(): Promise<void>;
}

export const BUCKET = 'bench-bucket';

/** That server under load: requests signed in advance, path style. Makes the bucket. */
export async function s3Subject(name: string, server: S3Server): Promise<Subject> {
  const { hostname, port, host } = new URL(server.endpoint);
  const signed = (method: string, path: string, query: string, length?: number): Buffer =>
    signedHead({ method, path, query, host, ...server.credentials }, length);
  await makeBucket(server.endpoint, signed('PUT', `/${BUCKET}`, '', 0));
  return {
    name,
    host: hostname,
    port: Number(port),
    pids: () => Promise.resolve([server.pid]),
    prepare: (method, key, body) => ({
      head: signed(method, `/${BUCKET}/${key}`, '', body?.length),
      ...(body ? { body } : {}),
    }),
    prepareList: (query) => ({ head: signed('GET', `/${BUCKET}`, canonicalQuery(query)) }),
    stop: () => server.stop(),
  };
}

function canonicalQuery(query: Readonly<Record<string, string>>): string {
  const all = Object.entries({ 'list-type': '2', 'max-keys': '1000', ...query });
  const encoded = all.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return encoded.sort().join('&');
}

async function makeBucket(endpoint: string, head: Buffer): Promise<void> {
  const [line = '', ...rest] = head.toString().trim().split('\r\n');
  const [method = '', path = ''] = line.split(' ');
  const headers = Object.fromEntries(
    rest
      .filter((h) => !/^(host|content-length):/.test(h))
      .map((h) => [h.slice(0, h.indexOf(':')), h.slice(h.indexOf(':') + 1).trim()]),
  );
  const answer = await fetch(`${endpoint}${path}`, { method, headers });
  // Before one MinIO it may be there already, made by way of another.
  if (!answer.ok && answer.status !== 409) throw new Error(`${line}: ${answer.status} ${await answer.text()}`);
  await answer.arrayBuffer();
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
