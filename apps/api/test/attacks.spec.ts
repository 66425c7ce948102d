import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, RawClient, type RawAnswer } from './raw-client.js';
import { basic, ROOT, START_MS, Stand } from './stand.js';

/** What attackers send, each refused or harmless; the requests go over bare sockets, so that nothing on the way puts them right. */
describe('attacks', () => {
  let stand: Stand;
  let ada: string;
  beforeAll(async () => {
    stand = await Stand.start();
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'ada' } });
    const key = await stand.ask('POST', '/admin/v1/keys', { json: { user: 'ada' } });
    const { accessKey, secretKey } = key.json as { accessKey: string; secretKey: string };
    ada = basic(accessKey, secretKey);
    await stand.ask('PUT', '/v1/roots', { json: { backend: 'local' } });
    await stand.ask('PUT', '/v1/roots/secret', { body: 'the secret' });
    await stand.ask('PUT', '/v1/adas', { json: { backend: 'local' }, authorization: ada });
    await stand.ask('PUT', '/v1/adas/own', { body: 'own', authorization: ada });
  }, START_MS);
  afterAll(() => stand.stop());

  const raw = async (request: string | Uint8Array): Promise<RawAnswer> => {
    const client = await RawClient.open(stand.port);
    client.send(request);
    return client.untilClosed();
  };
  const asAda = (method: string, path: string, headers: Record<string, string | number> = {}) =>
    head(method, path, { Authorization: ada, Connection: 'close', ...headers });
  const expectUntouched = async (): Promise<void> => {
    expect((await stand.ask('GET', '/v1/roots/secret')).bytes.toString()).toBe('the secret');
    expect((await stand.ask('GET', '/v1/roots')).json).toMatchObject({ objects: [{ key: 'secret' }] });
  };

  describe('by paths', () => {
    it.each([
      ['/v1/adas/../roots/secret', 404, 'no-such-key'],
      ['/v1/adas/%2e%2e/roots/secret', 404, 'no-such-key'],
      ['/v1/adas/..%2froots%2fsecret', 404, 'no-such-key'],
      ['/v1/adas/%252e%252e/roots/secret', 404, 'no-such-key'],
      ['/v1/adas/..\\roots\\secret', 404, 'no-such-key'],
      ['/v1/adas/../../../../../../../../etc/passwd', 404, 'no-such-key'],
      ['/v1/adas//etc/passwd', 404, 'no-such-key'],
      ['/v1/adas/.spumoni/container.json', 404, 'no-such-key'],
      ['/v1/adas/own%00', 404, 'no-such-key'],
      ['/v1/adas/own%00.txt', 404, 'no-such-key'],
      ['/v1/adas/%c0%ae%c0%ae/roots/secret', 400, 'invalid-url'],
      ['/v1/adas/%c0%afroots', 400, 'invalid-url'],
      ['/v1/adas/%e0%80%af', 400, 'invalid-url'],
      ['/v1/adas/%f4%90%80%80', 400, 'invalid-url'],
      ['/v1/adas/%ed%a0%80', 400, 'invalid-url'],
      ['/v1/adas/%', 400, 'invalid-url'],
      ['/v1/adas/%u002e', 400, 'invalid-url'],
      ['/v1/%2e%2e/admin/v1/users', 404, 'no-such-bucket'],
      ['/v1/../admin/v1/users', 404, 'no-such-bucket'],
      ['/v1/roots%2fsecret', 404, 'no-such-bucket'],
      ['/v1/adas%00/own', 404, 'no-such-bucket'],
      ['/v1/%c0%ae/own', 400, 'invalid-url'],
      ['//v1/roots/secret', 404, 'not-found'],
      ['/V1/roots/secret', 404, 'not-found'],
      ['/v1/roots/secret', 403, 'access-denied'],
      ['/v1/adas/../../admin/v1/users', 404, 'no-such-key'],
      ['/admin/v1/users', 403, 'access-denied'],
      ['/admin/v1/../v1/users', 404, 'not-found'],
      ['/admin/v1/users%00', 404, 'not-found'],
      ['/docs/%2e%2e/%2e%2e/package.json', 403, 'access-denied'],
      ['/docs/../../../../../../etc/passwd', 403, 'access-denied'],
    ])('GET %s is %d %s, and shows nothing', async (path, status, code) => {
      const answer = await raw(asAda('GET', path));
      expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
      expect(answer.text).not.toMatch(/the secret|root:x:|"dependencies"/);
    });

    it.each(['.spumoni/x', '%2espumoni/x', '.spumoni%2Fcontainer.json', '%2e%73pumoni%2fv%2f'])(
      'nothing is written or deleted under Spumoni’s own prefix as %s',
      async (key) => {
        const put = await raw(`${asAda('PUT', `/v1/adas/${key}`, { 'Content-Length': 1 })}x`);
        expect([put.status, put.text]).toEqual([400, expect.stringContaining('"code":"invalid-key"')]);
        const onto = await raw(asAda('POST', `/v1/adas/${key}?copyFrom=/adas/own`, { 'Content-Length': 0 }));
        expect(onto.status).toBe(400);
        const many = await stand.ask('POST', '/v1/adas?delete', {
          json: { keys: ['.spumoni/container.json'] },
          authorization: ada,
        });
        expect(many.json).toMatchObject({ results: [{ deleted: false }] });
      },
    );

    it('a key that looks like a way out is a key, and its bytes lie inside', async () => {
      const outside = async (): Promise<string[]> => (await readdir(stand.directory)).sort();
      const before = await outside();
      const keys = ['../../../outside', '%2e%2e/%2e%2e/outside', '/tmp/spumoni-outside', 'a%00b', '..%5c..%5coutside'];
      for (const key of keys) {
        const put = await raw(`${asAda('PUT', `/v1/adas/way/${key}`, { 'Content-Length': key.length })}${key}`);
        expect(put.status).toBe(200);
        expect((await raw(asAda('GET', `/v1/adas/way/${key}`))).text.endsWith(`\r\n\r\n${key}`)).toBe(true);
      }
      expect(await outside()).toEqual(before);
      expect(await readdir('/tmp')).not.toContain('spumoni-outside');
      await expectUntouched();
    });

    it('a request line in absolute form, or for another host, reaches nothing else', async () => {
      const absolute = await raw(asAda('GET', 'http://169.254.169.254/latest/meta-data/'));
      expect(absolute.status).toBe(404);
      expect((await raw(head('CONNECT', 'example.com:80', { Authorization: ada }))).text).not.toContain(' 200 ');
    });
  });

  describe('by headers', () => {
    const smuggled = 'DELETE /v1/adas/own HTTP/1.1\r\nHost: localhost\r\nAuthorization: ';
    const put = (lines: string, body: string): string =>
      `PUT /v1/adas/smuggled HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${ada}\r\n${lines}\r\n\r\n${body}`;
    const chunked = '0\r\n\r\n';

    it.each([
      ['a length beside chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked', chunked],
      ['chunks beside a length', 'Transfer-Encoding: chunked\r\nContent-Length: 5', chunked],
      ['two lengths that differ', 'Content-Length: 5\r\nContent-Length: 0', 'hello'],
      ['two lengths that agree', 'Content-Length: 5\r\nContent-Length: 5', 'hello'],
      ['a list of lengths', 'Content-Length: 5, 0', 'hello'],
      ['a length with a sign', 'Content-Length: +5', 'hello'],
      ['a negative length', 'Content-Length: -5', 'hello'],
      ['a length in hex', 'Content-Length: 0x5', 'hello'],
      ['an endless length', `Content-Length: ${'9'.repeat(40)}`, 'hello'],
      ['a coding that is not chunked', 'Transfer-Encoding: xchunked', chunked],
      ['a coding after chunked', 'Transfer-Encoding: chunked, identity', chunked],
      ['a coding with a tab before its colon', 'Transfer-Encoding\t: chunked', chunked],
      ['a coding with a space before its colon', 'Transfer-Encoding : chunked', chunked],
      ['a header folded over two lines', 'X-Folded: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0', ''],
      ['a bare line feed between headers', 'X-A: b\nTransfer-Encoding: chunked', chunked],
      ['a NUL in a header', 'X-A: b\0c\r\nContent-Length: 0', ''],
      ['a chunk with a size that is none', 'Transfer-Encoding: chunked', '-5\r\nhello\r\n0\r\n\r\n'],
      ['a chunk size that overflows', 'Transfer-Encoding: chunked', `${'f'.repeat(17)}\r\nhello\r\n0\r\n\r\n`],
      ['a chunk without its line end', 'Transfer-Encoding: chunked', '5\r\nhelloXX0\r\n\r\n'],
      ['a name with a space', 'X A: b\r\nContent-Length: 0', ''],
    ])('%s: refused, the connection closed, and what follows is no request', async (_, lines, body) => {
      const answer = await raw(put(lines, `${body}${smuggled}${ada}\r\n\r\n`));
      expect(answer.text).not.toContain('"Successfully Deleted!"');
      expect([answer.status, answer.closed]).toEqual([400, true]);
      expect((await stand.ask('GET', '/v1/adas/own')).bytes.toString()).toBe('own');
      expect((await stand.ask('GET', '/v1/adas/smuggled')).status).toBe(404);
    });

    it('headers that are too large or too many are told so', async () => {
      const large = await raw(asAda('GET', '/v1/adas/own', { 'X-Large': 'x'.repeat(70_000) }));
      expect([large.status, large.text]).toEqual([431, expect.stringContaining('"code":"header-too-large"')]);
      const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`X-H-${at}`, 'x'.repeat(20)]));
      expect((await raw(asAda('GET', '/v1/adas/own', many))).status).toBe(431);
      const metadata = Object.fromEntries(
        Array.from({ length: 900 }, (_, at) => [`x-amz-meta-${'y'.repeat(9)}${at}`, '']),
      );
      expect((await raw(asAda('PUT', '/v1/adas/own', { ...metadata, 'Content-Length': 0 }))).status).toBe(400);
      expect((await stand.ask('GET', '/v1/adas/own')).bytes.toString()).toBe('own');
    });

    it('of many small headers none is left out: a condition at their end still holds', async () => {
      const small = Object.fromEntries(Array.from({ length: 2_500 }, (_, at) => [`h${at}`, '1']));
      const wish = asAda('PUT', '/v1/adas/own', { ...small, 'If-None-Match': '*', 'Content-Length': 1 });
      expect((await raw(`${wish}x`)).status).toBe(412);
    });

    it.each([
      { metadata: { a: 'b\r\nSet-Cookie: stolen=1' } },
      { metadata: { 'a\r\nSet-Cookie': 'stolen=1' } },
      { metadata: { a: 'b\u0000c' } },
      { headers: { contentType: 'text/html\r\nSet-Cookie: stolen=1' } },
      { headers: { contentDisposition: 'x\nSet-Cookie: stolen=1' } },
      { tags: { a: 'b\r\nSet-Cookie: stolen=1' } },
    ])('%j puts no header into an answer', async (json) => {
      const answer = await stand.ask('PATCH', '/v1/adas/own', { json, authorization: ada });
      expect(answer.status).toBe(400);
      expect((await raw(asAda('GET', '/v1/adas/own'))).text).not.toMatch(/^set-cookie/im);
    });

    it('characters whose low bytes are line ends, in metadata, a type, a tier or a key, put no header into an answer', async () => {
      const value = 'b\u010d\u010aSet-Cookie: stolen=1\u010d\u010a';
      const json = { metadata: { a: value }, headers: { contentDisposition: value, contentType: value } };
      expect((await stand.ask('PATCH', '/v1/adas/own', { json, authorization: ada })).status).toBe(200);
      expect((await raw(asAda('GET', '/v1/adas/own'))).text).not.toMatch(/^set-cookie/im);
      const key = '/v1/adas/nothing%0d%0aSet-Cookie:%20stolen=1';
      expect((await raw(asAda('GET', key))).text).not.toMatch(/^set-cookie/im);
      const id = await raw(asAda('GET', '/v1/adas/own', { 'X-Request-Id': 'a b' }));
      expect(id.text).not.toContain('a b');
      const tier = await stand.ask('PUT', '/admin/v1/tiers/a%0d%0aSet-Cookie:%20b', { json: {} });
      expect(tier.status).toBe(400);
    });

    it('one host is named, once', async () => {
      const without = await raw(`GET /v1/adas/own HTTP/1.1\r\nAuthorization: ${ada}\r\n\r\n`);
      expect(without.status).toBe(400);
    });
  });

  describe('by credentials', () => {
    const { accessKey, secret } = ROOT;
    it.each([
      ['none', undefined],
      ['an empty header', ''],
      ['another scheme', 'Bearer abc'],
      ['no base64', 'Basic ???'],
      ['no colon', `Basic ${Buffer.from(accessKey).toString('base64')}`],
      ['no access key', basic('', secret)],
      ['no secret', basic(accessKey, '')],
      ['half a secret', basic(accessKey, secret.slice(0, -1))],
      ['more than the secret', basic(accessKey, `${secret}x`)],
      ['a secret and NUL', basic(accessKey, `${secret}\0`)],
      ['an access key and NUL', basic(`${accessKey}\0`, secret)],
      ['another case', basic(accessKey.toUpperCase(), secret)],
      ['a pattern', basic('%', secret)],
      ['a statement', basic(`' OR '1'='1`, secret)],
      ['a name of the language', basic('__proto__', 'constructor')],
      ['10,000 characters', basic('x'.repeat(5_000), 'y'.repeat(5_000))],
    ])('%s opens neither objects nor the administration, whatever they ask for', async (_, authorization) => {
      for (const path of ['/v1/roots/secret', '/v1/', '/admin/v1/users', '/v1/not-there/x']) {
        const given = authorization === undefined ? {} : { Authorization: authorization };
        const answer = await raw(head('GET', path, { ...given, Connection: 'close' }));
        expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('"code":"unauthenticated"')]);
      }
    });

    it('of two headers no later one counts', async () => {
      const both = (first: string, second: string): string =>
        `GET /v1/roots/secret HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: ${first}\r\nAuthorization: ${second}\r\n\r\n`;
      expect((await raw(both(ada, stand.root))).status).toBe(403);
      expect((await raw(both('Basic eDp5', stand.root))).status).toBe(401);
    });
  });

  it('by copies and renames: nobody reads, writes or removes in another’s bucket, in whatever spelling', async () => {
    const ask = (method: string, path: string, json?: unknown) =>
      stand.ask(method, path, { authorization: ada, ...(json === undefined ? {} : { json }) });
    const sources = ['/roots/secret', 'roots/secret', '%2Froots%2Fsecret', '/roots%2Fsecret'];
    for (const source of sources) {
      expect((await ask('POST', `/v1/adas/stolen?copyFrom=${source}`)).status).toBe(403);
      expect((await ask('POST', `/v1/adas/stolen?renameFrom=${source}`)).status).toBe(403);
    }
    expect((await ask('POST', '/v1/adas/stolen?copyFrom=/adas/../roots/secret')).status).toBe(404);
    expect((await ask('POST', '/v1/roots/planted?copyFrom=/adas/own')).status).toBe(403);
    expect((await ask('POST', '/v1/roots/planted?renameFrom=/adas/own')).status).toBe(403);
    expect((await ask('POST', '/v1/roots?delete', { keys: ['secret'] })).status).toBe(403);
    expect((await ask('DELETE', '/v1/roots/sec/?recursive=true')).status).toBe(403);
    expect((await ask('DELETE', '/v1/roots')).status).toBe(403);
    expect((await ask('GET', '/v1/adas/stolen')).status).toBe(404);
    expect((await ask('GET', '/v1/adas/own')).bytes.toString()).toBe('own');
    await expectUntouched();
  });

  it('by jobs and migrations: another’s can be neither begun, seen, watched nor stopped', async () => {
    const ask = (method: string, path: string, json?: unknown) =>
      stand.ask(method, path, { authorization: ada, ...(json === undefined ? {} : { json }) });
    const options = { path: `${stand.directory}/data/second` };
    await stand.ask('POST', '/admin/v1/backends', { json: { name: 'second', type: 'filesystem', options } });
    const wish = { bucket: 'roots', destination: { backend: 'second' } };
    const begun = await stand.ask('POST', '/admin/v1/migrations', { json: wish });
    const { id } = begun.json as { id: string };
    for (const place of ['migrations', 'jobs']) {
      for (const path of [`${place}/${id}`, `${place}/${id}/events`])
        expect([path, (await ask('GET', `/admin/v1/${path}`)).status]).toEqual([path, 403]);
      for (const wished of ['pause', 'resume', 'cancel'])
        expect((await ask('POST', `/admin/v1/${place}/${id}/${wished}`)).status).toBe(403);
    }
    expect((await ask('POST', '/admin/v1/migrations', wish)).status).toBe(403);
    expect((await ask('POST', '/admin/v1/migrations/plan', wish)).status).toBe(403);
    expect((await ask('GET', '/admin/v1/migrations?bucket=roots')).status).toBe(403);
    expect((await ask('GET', '/admin/v1/jobs')).status).toBe(403);
    expect((await ask('GET', '/admin/v1/buckets/roots/lifecycle')).status).toBe(403);
    expect((await ask('PUT', '/admin/v1/buckets/roots/lifecycle', { rules: [] })).status).toBe(403);
    await expectUntouched();
  });
});
