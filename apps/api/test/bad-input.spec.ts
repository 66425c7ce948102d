import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, RawClient } from './raw-client.js';
import { START_MS, Stand, type Answer } from './stand.js';

/** The shape of every error, whatever it is. */
function expectProblem(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, json: answer.json }).toMatchObject({
    status,
    json: { type: `urn:spumoni:problem:${code}`, status, code, title: expect.any(String), detail: expect.any(String) },
  });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect((answer.json as { requestId: string }).requestId).toBe(answer.headers.get('x-request-id'));
}

describe('bad input, each with a clear error and nothing lost', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.start({ SPUMONI_JSON_LIMIT_BYTES: '4096' });
    await stand.ask('PUT', '/v1/kept', { json: { backend: 'local' } });
    await stand.ask('PUT', '/v1/kept/old', { body: 'old' });
  }, START_MS);
  afterAll(() => stand.stop());

  const create = (name: string, json: unknown) => stand.ask('PUT', `/v1/${name}`, { json });
  const old = async (): Promise<string> => (await stand.ask('GET', '/v1/kept/old')).bytes.toString();
  const upload = (headers: Record<string, string | number>) =>
    head('PUT', '/v1/kept/old', { Authorization: stand.root, ...headers });

  it('A2.4: unknown vendor, backend, tier or bucket, and a type that is not the backend’s', async () => {
    expectProblem(await create('fresh', { backend: 'nowhere' }), 400, 'unknown-backend');
    expectProblem(await create('fresh', { backend: 'local', policy: 'Tin' }), 400, 'unknown-tier');
    expectProblem(await create('fresh', { backend: 'local', type: 'aws' }), 400, 'type-mismatch');
    expectProblem(await create('fresh', { backend: 'local', type: 'ftp' }), 400, 'invalid-request');
    expectProblem(await create('fresh', { backend: 'local', name: 'other' }), 400, 'invalid-request');
    expectProblem(await create('fresh', { backend: 'local', adopt: { container: 'x' } }), 400, 'unknown-container');
    expectProblem(
      await create('fresh', { backend: 'local', adopt: { container: 'kept' } }),
      422,
      'adoption-unsupported',
    );
    expectProblem(await create('fresh', {}), 400, 'invalid-request');
    expectProblem(await stand.ask('GET', '/v1/nowhere'), 404, 'no-such-bucket');
    expectProblem(await stand.ask('GET', '/v1/nowhere/key'), 404, 'no-such-bucket');
    expectProblem(await stand.ask('DELETE', '/v1/nowhere'), 404, 'no-such-bucket');
    expect((await stand.ask('GET', '/v1/fresh')).status).toBe(404);
  });

  it('A2.10: a name that breaks the rules, and a bucket that exists', async () => {
    const broken = await create('Not_Legal', { backend: 'local' });
    expectProblem(broken, 400, 'invalid-bucket-name');
    expect(broken.json).toMatchObject({
      violations: expect.arrayContaining([expect.objectContaining({ source: expect.any(String) })]),
    });
    expectProblem(await create('kept', { backend: 'local' }), 409, 'bucket-exists');
  });

  it('A2.11: deletion of a bucket that holds anything', async () => {
    expectProblem(await stand.ask('DELETE', '/v1/kept'), 409, 'bucket-not-empty');
    expect(await old()).toBe('old');
    await create('emptied', { backend: 'local' });
    await stand.ask('PUT', '/v1/emptied/x', { body: 'x' });
    await stand.ask('DELETE', '/v1/emptied/x');
    expect((await stand.ask('DELETE', '/v1/emptied')).json).toEqual({
      returnCode: 204,
      message: 'Successfully Deleted!',
    });
    expect((await create('emptied', { backend: 'local' })).status).toBe(200);
  });

  it('a wrong or malformed Content-MD5', async () => {
    const wrong = { 'content-md5': createHash('md5').update('other').digest('base64') };
    expectProblem(await stand.ask('PUT', '/v1/kept/old', { body: 'new', headers: wrong }), 400, 'bad-digest');
    const malformed = { 'content-md5': 'not base64' };
    expectProblem(await stand.ask('PUT', '/v1/kept/old', { body: 'new', headers: malformed }), 400, 'invalid-digest');
    expect(await old()).toBe('old');
  });

  it.each([
    ['content-range', 'bytes 0-2/10', 400, 'invalid-request'],
    ['x-amz-write-offset-bytes', '3', 501, 'not-offered'],
    ['x-amz-copy-source', '/kept/old', 501, 'not-offered'],
    ['x-amz-object-lock-mode', 'COMPLIANCE', 501, 'not-offered'],
    ['x-amz-server-side-encryption', 'aws:kms', 501, 'not-offered'],
    ['x-amz-server-side-encryption-customer-algorithm', 'AES256', 501, 'not-offered'],
    ['transfer-encoding', 'gzip, chunked', 501, 'not-offered'],
  ] as const)('an upload that %s makes into something else', async (name, value, status, code) => {
    const client = await RawClient.open(stand.port);
    const length = name === 'transfer-encoding' ? {} : { 'Content-Length': 3 };
    const body = name === 'transfer-encoding' ? '3\r\nnew\r\n0\r\n\r\n' : 'new';
    client.send(upload({ ...length, [name]: value, Connection: 'close' }) + body);
    const answer = await client.untilClosed();
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
    expect(await old()).toBe('old');
  });

  it.each([3, 200_000])('a body of %d bytes that ends early, and a client that vanishes', async (sent) => {
    const ended = await RawClient.open(stand.port);
    ended.send(upload({ 'Content-Length': sent + 5 }) + 'x'.repeat(sent));
    ended.end();
    const answer = await ended.untilClosed();
    expect(answer.text).toContain('"code":"incomplete-body"');
    expect(answer.status).toBe(400);
    const vanished = await RawClient.open(stand.port);
    vanished.send(upload({ 'Content-Length': sent + 5 }) + 'x'.repeat(sent));
    vanished.vanish();
    await vanished.untilClosed();
    const chunked = await RawClient.open(stand.port);
    chunked.send(`${upload({ 'Transfer-Encoding': 'chunked' })}5\r\nhel`);
    chunked.end();
    await chunked.untilClosed();
    expect(await old()).toBe('old');
  });

  it.each([3, 100_000])('a body that is longer than its Content-Length of %d', async (length) => {
    const client = await RawClient.open(stand.port);
    client.send(upload({ 'Content-Length': length }) + 'x'.repeat(length + 3) + '\r\n\r\n');
    const { text, status } = await client.untilClosed();
    expect([status, text]).toEqual([400, expect.stringContaining('"code":"body-too-long"')]);
    expect(await old()).toBe('old');
  });

  it('a range outside the object, and a condition that fails', async () => {
    const answer = await stand.ask('GET', '/v1/kept/old', { headers: { range: 'bytes=10-' } });
    expectProblem(answer, 416, 'invalid-range');
    expect(answer.headers.get('content-range')).toBe('bytes */3');
  });

  it('keys that cannot be, and URLs that are none', async () => {
    expectProblem(await stand.ask('PUT', '/v1/kept/.spumoni/x', { body: 'x' }), 400, 'invalid-key');
    expectProblem(await stand.ask('PUT', `/v1/kept/${'k'.repeat(1025)}`, { body: 'x' }), 400, 'invalid-key');
    expectProblem(await stand.ask('PUT', '/v1/kept/%ff', { body: 'x' }), 400, 'invalid-url');
    expectProblem(await stand.ask('PUT', '/v1/kept/%zz', { body: 'x' }), 400, 'invalid-url');
    expect((await stand.ask('GET', '/v1/%zz')).status).toBe(400);
    expectProblem(await stand.ask('GET', '/v1/kept/old?versionId=1'), 400, 'invalid-request');
    expectProblem(await stand.ask('DELETE', '/v1/kept?policy'), 400, 'invalid-request');
    for (const number of ['1001', '', '1e2', '0x10', '+1', '-1', '1.5'])
      for (const path of [`/v1/kept?maxKeys=${number}`, `/v1?limit=${number}`, `/admin/v1/jobs?limit=${number}`])
        expectProblem(await stand.ask('GET', path), 400, 'invalid-request');
    expect((await stand.ask('GET', '/v1/kept?maxKeys=')).json).toMatchObject({
      detail: 'the query is not right: maxKeys: expected a whole number, in decimal digits',
    });
    expectProblem(await stand.ask('OPTIONS', '/v1/kept/old'), 405, 'method-not-allowed');
    expectProblem(await stand.ask('GET', '/nowhere'), 404, 'not-found');
    const raw = await RawClient.open(stand.port);
    raw.send(Buffer.from(head('GET', '/v1/kept/../kept/old', { Authorization: stand.root, Connection: 'close' })));
    expect((await raw.untilClosed()).text).toContain('no-such-key');
  });

  it('metadata, tags and classes that cannot be', async () => {
    const put = (headers: Record<string, string>) => stand.ask('PUT', '/v1/kept/old', { body: 'new', headers });
    expectProblem(await put({ 'x-amz-meta-big': 'x'.repeat(9000) }), 400, 'invalid-metadata');
    expectProblem(
      await put({ 'x-amz-tagging': Array.from({ length: 11 }, (_, n) => `k${n}=v`).join('&') }),
      400,
      'invalid-tags',
    );
    expectProblem(await put({ 'x-amz-tagging': 'a=%zz' }), 400, 'invalid-request');
    expectProblem(await put({ 'x-amz-storage-class': 'Plutonium' }), 400, 'invalid-storage-class');
    expect(await old()).toBe('old');
  });

  it('JSON that is not JSON says where and quotes nothing; a body over the limit; one too deep', async () => {
    const post = (body: string) => stand.ask('POST', '/admin/v1/backends', { body });
    const fault = await post('{"name": "x",\n "credentials": {"secretKey": hunter2}}');
    expectProblem(fault, 400, 'invalid-json');
    expect(fault.json).toMatchObject({ line: 2, column: 31 });
    expect(fault.bytes.toString()).not.toContain('hunter2');
    expectProblem(await post('[1]'), 400, 'invalid-request');
    expectProblem(await post('['.repeat(40) + ']'.repeat(40)), 400, 'invalid-json');
    expectProblem(await post(JSON.stringify({ name: 'x'.repeat(5000) })), 413, 'body-too-large');
    expectProblem(await stand.ask('POST', '/v1/kept?delete', { json: { keys: [] } }), 400, 'invalid-request');
  });

  it('an early refusal of a large body is answered, and a waiting client is never told to send it', async () => {
    const client = await RawClient.open(stand.port);
    client.send(
      head('PUT', '/v1/nowhere/big', { Authorization: stand.root, 'Content-Length': 2 ** 40 }) + 'x'.repeat(100_000),
    );
    const refused = await client.untilClosed();
    expect(refused.status).toBe(404);
    expect(refused.text).toContain('"code":"no-such-bucket"');
    for (const [headers, status] of [
      [{ Authorization: 'Basic eDp5' }, 401],
      [{ Authorization: stand.root, 'If-None-Match': '*' }, 412],
      [{ Authorization: stand.root, 'x-amz-storage-class': 'Plutonium' }, 400],
    ] as const) {
      const waiting = await RawClient.open(stand.port);
      waiting.send(head('PUT', '/v1/kept/old', { ...headers, 'Content-Length': 100_000, Expect: '100-continue' }));
      const { text, status: told } = await waiting.untilClosed();
      expect(told).toBe(status);
      expect(text).not.toContain('100 Continue');
    }
    const welcome = await RawClient.open(stand.port);
    welcome.send(
      head('PUT', '/v1/kept/waited', { Authorization: stand.root, 'Content-Length': 5, Expect: '100-continue' }),
    );
    expect((await welcome.until(/\r\n\r\n/)).status).toBe(100);
    welcome.send('hello');
    expect((await welcome.until(/"size":5/)).text).toContain('200 OK');
    welcome.vanish();
  });

  it('requests that are no HTTP, and headers without end', async () => {
    const nonsense = await RawClient.open(stand.port);
    nonsense.send('NONSENSE\r\n\r\n');
    expect(await nonsense.untilClosed()).toMatchObject({ status: 400 });
    const endless = await RawClient.open(stand.port);
    endless.send(head('GET', '/v1/kept/old', { 'X-Long': 'x'.repeat(40_000) }));
    expect(await endless.untilClosed()).toMatchObject({ status: 431 });
  });
});
