import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openBackend } from '../src/index.js';
import type { ObjectBackend } from '../src/index.js';
import { azureDefinition, PLAIN } from './azure-server.js';
import { collect } from './conformance/bytes.js';
import { failure } from './conformance/stage.js';

const call = { requestId: 'garbage' };
const here = { container: 'container', key: 'key' };
const AZURE = { 'x-ms-request-id': 'r-1', 'x-ms-version': '2024-11-04' };

describe('what answers like Azure, but not quite', () => {
  let server: Server;
  let backend: ObjectBackend;
  let answer: RequestListener;
  beforeEach(async () => {
    server = createServer((request, response) => {
      request.resume();
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const credentials = { accountName: 'account', accountKey: Buffer.from('key').toString('base64') };
    backend = await openBackend(azureDefinition({ endpoint, credentials }));
  });
  afterEach(async () => {
    await backend.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const calls = {
    get: () => backend.get(call, here),
    head: () => backend.head(call, here),
    put: () => backend.put(call, { ...here, body: Buffer.from('x'), size: 1, attributes: PLAIN }),
    delete: () => backend.delete(call, { ...here, token: '0x8D0' }),
    list: () => backend.list(call, { container: 'container', include: 'current', limit: 10 }),
    inspect: () => backend.inspectContainer(call, 'container'),
    containers: () => backend.listContainers(call),
    create: () => backend.createContainer(call, { container: 'container' }),
  } as const;
  const each = Object.keys(calls) as (keyof typeof calls)[];

  it.each(each)("a proxy's 404 page to %s is an outage, not an absence", async (name) => {
    answer = (_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<html>no such page</html>');
    await failure(calls[name](), 'unavailable');
  });

  it.each(each)('a success of some other server to %s is an outage', async (name) => {
    answer = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello</html>');
    await failure(calls[name](), 'unavailable');
  });

  it.each(['put', 'get', 'head'] as const)('a success without an ETag to %s is an outage', async (name) => {
    answer = (_, response) => response.writeHead(name === 'put' ? 201 : 200, AZURE).end();
    await failure(calls[name](), 'unavailable');
  });

  it('a download that is cut fails', async () => {
    const headers = { ...AZURE, etag: '"0x8D1"', 'last-modified': new Date().toUTCString(), 'content-length': '100' };
    answer = (request, response) => response.writeHead(200, headers).write('short', () => request.socket.destroy());
    const { body } = await backend.get(call, here);
    await failure(collect(body), 'unavailable');
  });

  it('a whole blob where a range was asked for is an outage', async () => {
    const headers = { ...AZURE, etag: '"0x8D1"', 'last-modified': new Date().toUTCString() };
    answer = (_, response) => response.writeHead(200, headers).end('the whole blob');
    await failure(backend.get(call, { ...here, range: { start: 0, end: 3 } }), 'unavailable');
  });

  it.each(each)('busy to %s is throttled, with the pause it asks for', async (name) => {
    const headers = { ...AZURE, 'x-ms-error-code': 'ServerBusy', 'retry-after': '7' };
    answer = (_, response) => response.writeHead(503, headers).end();
    const failed = await failure(calls[name](), 'throttled');
    expect(failed).toMatchObject({ vendorCode: 'ServerBusy', retryAfterMs: 7000, vendorRequestId: 'r-1' });
  });

  it('a name whose container is still being deleted is a conflict, for 30 seconds', async () => {
    answer = (_, response) => response.writeHead(409, { ...AZURE, 'x-ms-error-code': 'ContainerBeingDeleted' }).end();
    const failed = await failure(calls.create(), 'conflict');
    expect(failed).toMatchObject({ vendorCode: 'ContainerBeingDeleted', retryAfterMs: 30_000 });
  });

  it.each(['list', 'get'] as const)('silence to %s ends at the deadline', async (name) => {
    answer = () => undefined;
    const late = { ...call, deadlineMs: 100 };
    const attempt =
      name === 'get'
        ? backend.get(late, here)
        : backend.list(late, { container: 'container', include: 'current', limit: 1 });
    await failure(attempt, 'timeout');
  });

  it('an empty page with a marker is passed on as such', async () => {
    const page = (marker: string): string =>
      `<?xml version="1.0"?><EnumerationResults ServiceEndpoint="x" ContainerName="container"><Blobs/><NextMarker>${marker}</NextMarker></EnumerationResults>`;
    answer = (request, response) => {
      const more = !request.url?.includes('marker=');
      response.writeHead(200, { ...AZURE, 'content-type': 'application/xml' }).end(page(more ? 'next' : ''));
    };
    const first = await calls.list();
    expect(first.entries).toEqual([]);
    expect(first.cursor).toBeDefined();
    const cursor = first.cursor ?? '';
    const second = await backend.list(call, { container: 'container', include: 'current', limit: 10, cursor });
    expect(second).toEqual({ entries: [] });
  });

  it('a cursor of another backend is invalid', async () => {
    for (const cursor of ['x', Buffer.from('{}').toString('base64url'), Buffer.from('7').toString('base64url')])
      await failure(backend.list(call, { container: 'container', include: 'current', limit: 1, cursor }), 'invalid');
  });

  it('nobody at the address is an outage for every call', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    for (const name of each) await failure(calls[name](), 'unavailable');
    await failure(backend.probe(call, 'probe'), 'unavailable');
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
});
