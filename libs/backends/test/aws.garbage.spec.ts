import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseConfig } from '../src/aws/config.js';
import { S3Requests } from '../src/aws/requests.js';
import { isBackendError, openBackend } from '../src/index.js';
import type { Call, ObjectBackend } from '../src/index.js';
import { streamOf } from './conformance/bytes.js';
import { causes, failure, PLAIN } from './conformance/stage.js';

const call: Call = { requestId: 'garbage' };
const MIB = 1024 * 1024;
const OBJECT = { etag: '"e"', 'last-modified': 'Sat, 21 Nov 2026 11:18:24 GMT', 'x-amz-version-id': 'v' };

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that answers what it is told, after it has read each request to its end. */
let answer: Answer = (_, response) => response.end();
const seen: string[] = [];
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
    answer(request, response);
  });
});
let backend: ObjectBackend;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const credentials = { accessKey: 'a', secretKey: { reveal: () => 'b' } };
  const options = { insecure: true, partBytes: 5 * MIB, singleRequestBytes: 5 * MIB };
  backend = await openBackend({
    name: 'fake',
    type: 's3',
    profile: 'minio',
    endpoint: `http://127.0.0.1:${port}`,
    credentials,
    options,
  });
});
afterAll(async () => {
  await backend.close();
  server.close();
});

const at = { container: 'abc', key: 'k' };
const source = { ...at, token: 'v' };
const big = (): AsyncIterable<Uint8Array> => streamOf(1, 6 * MIB);
const CALLS: Readonly<Record<string, () => Promise<unknown>>> = {
  createContainer: () => backend.createContainer(call, { container: 'abc' }),
  inspectContainer: () => backend.inspectContainer(call, 'abc'),
  listContainers: () => backend.listContainers(call),
  deleteContainer: () => backend.deleteContainer(call, 'abc'),
  put: () => backend.put(call, { ...at, body: Buffer.from('x'), attributes: PLAIN }),
  'put in parts': () => backend.put(call, { ...at, body: big(), attributes: PLAIN }),
  get: () => backend.get(call, at),
  head: () => backend.head(call, at),
  delete: () => backend.delete(call, source),
  'list current': () => backend.list(call, { container: 'abc', include: 'current', limit: 1 }),
  'list everything': () => backend.list(call, { container: 'abc', include: 'everything', limit: 1 }),
  copy: () => backend.copy(call, { source, ...at, attributes: PLAIN }),
  abortUpload: () => backend.abortUpload?.(call, 'abc', { key: 'k', token: 'u' }) ?? Promise.resolve(),
  probe: () => backend.probe(call, 'probe'),
};

const HTML = '<!DOCTYPE html><html><body>It works!</body></html>';
const page =
  (status: number, type: string, text: string): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': type }).end(text);
const GARBAGE: Readonly<Record<string, Answer>> = {
  'a web page': page(200, 'text/html', HTML),
  'a web page, 404': page(404, 'text/html', HTML),
  'a web page, 502': page(502, 'text/html', HTML),
  'a cut document': page(200, 'application/xml', '<?xml version="1.0"?><ListBucketResult><Name>abc</Na'),
  'a dropped connection': (request) => request.socket.destroy(),
  'a cut body': (request, response) => {
    response.writeHead(200, { ...OBJECT, 'content-length': 100 });
    response.write('<a>');
    response.flushHeaders();
    setImmediate(() => request.socket.destroy());
  },
};

describe.each(Object.entries(GARBAGE))('a server that answers %s', (name, garbage) => {
  it.each(Object.keys(CALLS))('makes %s fail with unavailable, never succeed or find nothing', async (which) => {
    answer = garbage;
    // A cut body cannot be told from a whole one in the headers alone, nor where a call has no use for the body.
    if (name === 'a cut body' && !['listContainers', 'list current', 'copy'].includes(which)) return;
    // These succeed without any content: a document in their answer is not looked at.
    if (
      name === 'a cut document' &&
      ['delete', 'abortUpload', 'inspectContainer', 'createContainer', 'probe'].includes(which)
    )
      return;
    await failure(CALLS[which]?.() ?? Promise.resolve(), 'unavailable');
  });
});

describe('answers that are almost right', () => {
  const object =
    (status: number, headers: Record<string, string>, body = 'hello'): Answer =>
    (_, response) =>
      response.writeHead(status, { ...OBJECT, 'content-length': String(body.length), ...headers }).end(body);
  const range = { start: 1, end: 3 };

  it.each([
    ['the whole object for a range', object(200, {})],
    ['another range', object(206, { 'content-range': 'bytes 0-4/5' })],
    ['a range without saying which', object(206, {})],
    ['fewer bytes than the range', object(206, { 'content-range': 'bytes 1-3/5' }, 'el')],
  ])('a get is unavailable when it gives %s', async (_, given) => {
    answer = given;
    await failure(backend.get(call, { ...at, range }), 'unavailable');
  });

  it('a body cut in the middle throws, after the bytes that came', async () => {
    answer = (request, response) => {
      response.writeHead(200, { ...OBJECT, 'content-length': 10 });
      response.write('hello');
      response.once('drain', () => undefined);
      setImmediate(() => setImmediate(() => request.socket.destroy()));
    };
    const { body } = await backend.get(call, at);
    const reading = (async () => {
      for await (const chunk of body) expect(Buffer.from(chunk).toString()).toBe('hello');
    })();
    await failure(reading, 'unavailable');
  });

  const error = (code: string): string => `<Error><Code>${code}</Code><Message>m</Message></Error>`;

  it.each([
    ['InternalError', 'unavailable'],
    ['PreconditionFailed', 'precondition'],
    ['InvalidObjectState', 'conflict'],
  ] as const)('a copy that answers 200 with %s inside fails', async (code, kind) => {
    answer = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { ...OBJECT, 'content-length': '5' }).end();
      else response.end(`\n\n  ${error(code)}`);
    };
    expect((await failure(backend.copy(call, { source, ...at, attributes: PLAIN }), kind)).vendorCode).toBe(code);
  });

  /** An upload in parts, whose completion and abortion answer as told. */
  function upload(completion: Answer, abortion: Answer): Answer {
    return (request, response) => {
      const url = request.url ?? '';
      if (request.method === 'POST' && url.includes('uploads='))
        response.end('<InitiateMultipartUploadResult><UploadId>u 1</UploadId></InitiateMultipartUploadResult>');
      else if (request.method === 'PUT') response.writeHead(200, { etag: '"part"' }).end();
      else if (request.method === 'POST') completion(request, response);
      else abortion(request, response);
    };
  }
  const put = (): Promise<unknown> => backend.put(call, { ...at, body: big(), attributes: PLAIN });

  it('a completion that answers 200 with an error inside fails, and the upload is forgotten', async () => {
    seen.length = 0;
    answer = upload(page(200, 'application/xml', error('InternalError')), page(204, '', ''));
    await failure(put(), 'unavailable');
    expect(seen.at(-1)).toBe('DELETE /abc/k?uploadId=u%201');
  });

  it('a completion that is a success after blanks is one', async () => {
    const done = '<CompleteMultipartUploadResult><ETag>&quot;whole-2&quot;</ETag></CompleteMultipartUploadResult>';
    answer = upload(
      (_, response) => response.writeHead(200, { 'x-amz-version-id': 'v9' }).end(`   \n${done}`),
      page(500, '', ''),
    );
    expect(await put()).toMatchObject({ token: 'v9', vendorEtag: 'whole-2', size: 6 * MIB });
  });

  it('a clean-up that fails is told beside the failure itself', async () => {
    answer = upload(page(400, '', error('InvalidPart')), page(503, '', error('SlowDown')));
    const failed = await failure(put(), 'invalid');
    const both = causes(failed).find((cause) => cause instanceof AggregateError);
    const kinds = both?.errors.map((one: unknown) => (isBackendError(one) ? one.kind : String(one)));
    expect(kinds).toEqual(['invalid', 'throttled']);
  });

  it('parts are sent by their own numbers, and completed in order', async () => {
    seen.length = 0;
    answer = upload(page(400, '', error('InvalidPart')), page(204, '', ''));
    await failure(put(), 'invalid');
    const parts = seen.filter((one) => one.startsWith('PUT')).map((one) => /partNumber=(\d+)/.exec(one)?.[1]);
    expect(parts.sort()).toEqual(['1', '2']);
  });
});

it('names the container in the host where that is the style, unless its name has a dot, which no certificate covers', async () => {
  const credentials = { accessKey: 'a', secretKey: { reveal: () => 'b' } };
  const hosts: string[] = [];
  const s3 = new S3Requests(parseConfig({ name: 'aws', type: 'aws', region: 'eu-west-1', credentials, options: {} }));
  s3.wireTo = (origin) => {
    hosts.push(origin);
    return { send: ({ path }) => Promise.reject(new Error(path)), close: () => Promise.resolve() };
  };
  const ask = (container: string): Promise<unknown> =>
    s3.send(call, { method: 'GET', action: '', container, key: 'a b', query: { versionId: 'v' } });
  await expect(ask('plain')).rejects.toThrow(/^\/a%20b\?versionId=v$/);
  await expect(ask('with.dot')).rejects.toThrow(/^\/with\.dot\/a%20b\?versionId=v$/);
  expect(hosts).toEqual(['https://plain.s3.eu-west-1.amazonaws.com', 'https://s3.eu-west-1.amazonaws.com']);
});
