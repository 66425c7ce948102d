import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, RawClient, type RawAnswer } from './raw-client.js';
import { basic, START_MS, Stand, type Answer, type Asked } from './stand.js';

interface Key {
  readonly accessKey: string;
  readonly secretKey: string;
}

interface Link {
  readonly path: string;
  readonly expires: string;
}

/** Asks until the answer is what is waited for. */
async function until(ask: () => Promise<Answer>, wanted: (answer: Answer) => boolean): Promise<Answer> {
  for (let turn = 0; turn < 1_800; turn += 1) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it never came');
}

/** Presigned links: what they open, and every way to make more of them that came to mind. */
describe('presigned links', () => {
  let stand: Stand;
  let ada: Key;
  let auth: string;
  let bucketId: string;

  const keyOf = async (user: string): Promise<Key> =>
    (await stand.ask('POST', '/admin/v1/keys', { json: { user } })).json as Key;
  const linkTo = async (path: string, wish: object = {}, authorization = auth): Promise<string> => {
    const answer = await stand.ask('POST', `${path}?link`, { json: wish, authorization });
    expect([answer.status, answer.json]).toEqual([200, expect.objectContaining({ returnCode: 200 })]);
    return (answer.json as Link).path;
  };
  /** As somebody without a key. */
  const anyone = (method: string, path: string, asked: Asked = {}): Promise<Answer> =>
    stand.ask(method, path, { authorization: '', ...asked });
  const codeOf = ({ status, json, headers }: Answer) => [
    status,
    (json as { code?: string } | undefined)?.code ?? headers.get('x-spumoni-code'),
  ];
  const tokenOf = (path: string): string => path.slice(path.indexOf('?link=') + 6);

  beforeAll(async () => {
    stand = await Stand.start({ SPUMONI_LINK_SECONDS: '1800' });
    for (const name of ['ada', 'eve']) await stand.ask('POST', '/admin/v1/users', { json: { name } });
    ada = await keyOf('ada');
    auth = basic(ada.accessKey, ada.secretKey);
    const eve = await keyOf('eve');
    const made = await stand.ask('PUT', '/v1/adas', { json: { backend: 'local' }, authorization: auth });
    bucketId = (made.json as { bucket: { id: string } }).bucket.id;
    const authorization = basic(eve.accessKey, eve.secretKey);
    await stand.ask('PUT', '/v1/eves', { json: { backend: 'local' }, authorization });
    await stand.ask('PUT', '/v1/eves/own', { body: 'of eve', authorization });
    await stand.ask('PUT', '/v1/adas/own', { body: 'of ada', authorization: auth });
    await stand.ask('PUT', '/v1/adas/other', { body: 'other', authorization: auth });
  }, START_MS);
  afterAll(() => stand.stop());

  it('open one method on one key for people without keys', async () => {
    const get = await anyone('GET', await linkTo('/v1/adas/own'));
    expect([get.status, get.bytes.toString(), get.headers.get('cache-control')]).toEqual([200, 'of ada', 'private']);
    expect(get.headers.get('referrer-policy')).toBe('no-referrer');
    const range = await anyone('GET', await linkTo('/v1/adas/own'), { headers: { range: 'bytes=3-' } });
    expect([range.status, range.bytes.toString()]).toEqual([206, 'ada']);
    const stat = await anyone('HEAD', await linkTo('/v1/adas/own', { method: 'HEAD' }));
    expect([stat.status, stat.headers.get('content-length')]).toEqual([200, '6']);
    const put = await linkTo('/v1/adas/brought', { method: 'PUT' });
    expect(
      (await anyone('PUT', put, { body: 'brought', headers: { 'cache-control': 'no-cache' } })).json,
    ).toMatchObject({ key: 'brought', size: 7 });
    expect((await anyone('PUT', put, { body: 'again', headers: { 'if-none-match': '*' } })).status).toBe(412);
    expect((await stand.ask('HEAD', '/v1/adas/brought')).headers.get('cache-control')).toBeNull();
    expect((await stand.ask('GET', '/v1/adas/brought')).bytes.toString()).toBe('brought');
  });

  it.each(['a b/ü+&?#%.txt', 'a/../b', './x', 'a//b', 'line\nend', 'folder/'])('open the key %j', async (key) => {
    const encoded = `/v1/adas/${encodeURIComponent(key)}`;
    expect((await anyone('PUT', await linkTo(encoded, { method: 'PUT' }), { body: '' })).status).toBe(200);
    expect((await stand.ask('HEAD', encoded)).status).toBe(200);
    expect((await anyone('GET', await linkTo(encoded))).status).toBe(200);
  });

  it('are computed by a client that has the key, without asking', async () => {
    const expires = Math.floor(Date.now() / 1000) + 60;
    const terms = `v1:GET:${expires}:${ada.accessKey}::`;
    const signingKey = createHmac('sha256', ada.secretKey).update('spumoni-link-v1').digest();
    const signature = createHmac('sha256', signingKey).update(`${terms}\n${bucketId}\nown`).digest('hex');
    const answer = await anyone('GET', `/v1/adas/own?link=${encodeURIComponent(`${terms}:${signature}`)}`);
    expect([answer.status, answer.bytes.toString()]).toEqual([200, 'of ada']);
    const late = `v1:GET:${expires + 90_000}:${ada.accessKey}::`;
    const signed = createHmac('sha256', signingKey).update(`${late}\n${bucketId}\nown`).digest('hex');
    expect(codeOf(await anyone('GET', `/v1/adas/own?link=${late}:${signed}`))).toEqual([403, 'link-refused']);
  });

  it('are made for what is one’s own, within bounds', async () => {
    const ask = (path: string, json: unknown) => stand.ask('POST', `${path}?link`, { json, authorization: auth });
    expect(codeOf(await ask('/v1/eves/own', {}))).toEqual([403, 'access-denied']);
    expect(codeOf(await ask('/v1/nowhere/own', {}))).toEqual([404, 'no-such-bucket']);
    for (const wish of [
      ...[{ expiresIn: 1_801 }, { expiresIn: 0 }, { expiresIn: 1.5 }, { method: 'DELETE' }, { maxBytes: 5 }],
      ...[{ method: 'PUT', contentType: 'a:b/c' }, { method: 'PUT', maxBytes: -1 }, { more: true }],
    ])
      expect([wish, ...codeOf(await ask('/v1/adas/own', wish))]).toEqual([wish, 400, 'invalid-request']);
    const { expires } = (await ask('/v1/adas/own', {})).json as { expires: string };
    expect(Date.parse(expires)).toBeLessThanOrEqual(Date.now() + 1_800_000);
    expect((await anyone('POST', '/v1/adas/own?link')).status).toBe(401);
  });

  it('open no other key, bucket, user’s bucket or method', async () => {
    const token = tokenOf(await linkTo('/v1/adas/own'));
    for (const path of ['adas/other', 'eves/own', 'adas/own/', 'adas//own', 'adas/OWN', 'nowhere/own', 'adas/own%00'])
      expect([path, ...codeOf(await anyone('GET', `/v1/${path}?link=${token}`))]).toEqual([path, 403, 'invalid-link']);
    for (const method of ['PUT', 'DELETE', 'PATCH', 'POST', 'HEAD'])
      expect([method, ...codeOf(await anyone(method, `/v1/adas/own?link=${token}`))]).toEqual([
        ...[method, 403, 'link-refused'],
      ]);
    for (const path of ['/v1/adas', '/v1/', '/admin/v1/users', '/v1/adas?delete'])
      expect((await anyone('GET', `${path}${path.includes('?') ? '&' : '?'}link=${token}`)).status).toBe(401);
    expect((await stand.ask('GET', '/v1/adas/own')).bytes.toString()).toBe('of ada');
  });

  it('of a key that its maker may not open, open nothing: rights are those at the time of use', async () => {
    const expires = Math.floor(Date.now() / 1000) + 60;
    const { id: eves } = (await stand.ask('GET', '/v1/eves?info')).json as { id: string };
    const terms = `v1:GET:${expires}:${ada.accessKey}::`;
    const signingKey = createHmac('sha256', ada.secretKey).update('spumoni-link-v1').digest();
    const signature = createHmac('sha256', signingKey).update(`${terms}\n${eves}\nown`).digest('hex');
    const answer = await anyone('GET', `/v1/eves/own?link=${terms}:${signature}`);
    expect(codeOf(answer)).toEqual([403, 'access-denied']);
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'chief', role: 'admin' } });
    const chief = await keyOf('chief');
    const asChief = await linkTo('/v1/eves/own', {}, basic(chief.accessKey, chief.secretKey));
    expect((await anyone('GET', asChief)).bytes.toString()).toBe('of eve');
    await stand.ask('PATCH', '/admin/v1/users/chief', { json: { role: 'user' } });
    expect(codeOf(await anyone('GET', asChief))).toEqual([403, 'access-denied']);
  });

  it('go over bare sockets in no other spelling of the path', async () => {
    const token = tokenOf(await linkTo('/v1/adas/own'));
    const raw = async (path: string, headers: Record<string, string> = {}): Promise<RawAnswer> => {
      const client = await RawClient.open(stand.port);
      client.send(head('GET', path, { Connection: 'close', ...headers }));
      return client.untilClosed();
    };
    for (const path of [
      ...[
        '/v1/adas/x/../own',
        '/v1/adas/./own',
        '/v1/adas/..%2fadas%2fown',
        '/v1/x/../adas/own',
        '/v1/eves/../adas/own',
      ],
      ...['/v1/adas/own%2f', '/v1/adas/own%0a', '/v1/adas/own%20', '/v1/adas/own;x', '/v1/adas/o%2577n'],
    ]) {
      const answer = await raw(`${path}?link=${token}`);
      expect([path, answer.status, answer.text]).toEqual([path, 403, expect.stringContaining('"invalid-link"')]);
    }
    // The same key, escaped more than it need be, is the same key.
    expect((await raw(`/v1/adas/%6f%77%6e?link=${token}`)).text).toContain('of ada');
    expect((await raw(`/v1/adas/%c0%afown?link=${token}`)).status).toBe(400);
    expect((await raw(`/v1/adas/own?link=${token}&link=${token}`)).status).toBe(400);
    expect((await raw(`/v1/adas/own?%6cink=${token}`)).status).toBe(401);
    expect((await raw(`/v1/adas/own?link=${token}`, { Authorization: 'Basic eDp5' })).status).toBe(403);
    expect((await raw(`/v1/adas/own?link=${token}`, { Authorization: stand.root })).status).toBe(403);
  });

  it('are refused when altered, cut, or made longer', async () => {
    const token = tokenOf(await linkTo('/v1/adas/own'));
    const [, , expires = ''] = token.split(':');
    const signature = token.slice(-64);
    const flipped = signature.slice(0, 63) + (signature.endsWith('0') ? '1' : '0');
    for (const altered of [
      ...[token.slice(0, -1), `${token}0`, `${token}%00`, `${token}%0a`, `%20${token}`, token.slice(0, -64)],
      ...[token.slice(0, -64) + flipped, token.slice(0, -64) + '0'.repeat(64), token.toUpperCase()],
      ...[token.replace(expires, String(Number(expires) + 1)), token.replace(expires, `0${expires}`)],
      ...[token.replace('GET', 'PUT'), token.replace('v1', 'v2'), token.replace(ada.accessKey, 'root-access')],
      ...[token.replace(ada.accessKey, '__proto__'), token.replace('::', ':9:'), 'x', 'null', `${token},${token}`],
    ])
      expect([altered, ...codeOf(await anyone('GET', `/v1/adas/own?link=${altered}`))]).toEqual([
        ...[altered, 403, 'invalid-link'],
      ]);
  });

  it.each([
    ['response-content-type=text/html'],
    ['versionId=1'],
    ['recursive=true'],
    ['copyFrom=/adas/other'],
    ['delete'],
    ['X-Amz-Signature=0'],
  ])('take no other parameter: %s', async (parameter) => {
    const path = await linkTo('/v1/adas/own');
    expect(codeOf(await anyone('GET', `${path}&${parameter}`))).toEqual([403, 'link-refused']);
  });

  it.each([
    ['x-amz-meta-a', 'b'],
    ['x-amz-tagging', 'a=b'],
    ['x-amz-storage-class', 'Gold'],
    ['x-amz-copy-source', '/adas/other'],
    ['x-amz-acl', 'public-read'],
    ['cache-control', 'public'],
    ['content-disposition', 'attachment'],
    ['content-encoding', 'gzip'],
    ['content-language', 'de'],
    ['expires', 'Thu, 01 Dec 2033 16:00:00 GMT'],
  ])('upload bytes and a content type, not %s', async (name, value) => {
    const path = await linkTo('/v1/adas/smuggled', { method: 'PUT' });
    const answer = await anyone('PUT', path, { body: 'x', headers: { [name]: value } });
    expect(codeOf(answer)).toEqual([403, 'link-refused']);
    expect((await stand.ask('HEAD', '/v1/adas/smuggled')).status).toBe(404);
  });

  it('upload no more and nothing else than they say', async () => {
    const path = await linkTo('/v1/adas/bounded', { method: 'PUT', maxBytes: 5, contentType: 'image/png' });
    const put = async (body: string, type?: string) =>
      codeOf(await anyone('PUT', path, { body, ...(type === undefined ? {} : { headers: { 'content-type': type } }) }));
    expect(await put('123456', 'image/png')).toEqual([403, 'link-refused']);
    expect(await put('12345', 'text/html')).toEqual([403, 'link-refused']);
    const client = await RawClient.open(stand.port);
    const chunked = { 'Transfer-Encoding': 'chunked', 'Content-Type': 'image/png', Connection: 'close' };
    client.send(`${head('PUT', path, chunked)}6\r\n123456\r\n0\r\n\r\n`);
    expect((await client.untilClosed()).text).toContain('"link-refused"');
    expect((await stand.ask('HEAD', '/v1/adas/bounded')).status).toBe(404);
    const answer = await anyone('PUT', path, { body: '12345', headers: { 'content-type': 'image/png' } });
    expect(answer.status).toBe(200);
    expect((await stand.ask('HEAD', '/v1/adas/bounded')).headers.get('content-type')).toBe('image/png');
  });

  it('end with their time, their key, its secret, their user and their bucket', async () => {
    const brief = await linkTo('/v1/adas/own', { expiresIn: 1 });
    const expired = await until(
      () => anyone('GET', brief),
      ({ status }) => status !== 200,
    );
    expect(codeOf(expired)).toEqual([403, 'link-expired']);
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'bob' } });
    const key = await keyOf('bob');
    const bob = basic(key.accessKey, key.secretKey);
    await stand.ask('PUT', '/v1/bobs', { json: { backend: 'local' }, authorization: bob });
    await stand.ask('PUT', '/v1/bobs/x', { body: 'x', authorization: bob });
    const path = await linkTo('/v1/bobs/x', {}, bob);
    const now = async () => codeOf(await anyone('GET', path));
    const disable = (what: string, disabled: boolean) =>
      stand.ask('PATCH', `/admin/v1/${what}`, { json: { disabled } });
    for (const what of [`keys/${key.accessKey}`, 'users/bob']) {
      await disable(what, true);
      expect(await now()).toEqual([403, 'link-revoked']);
      await disable(what, false);
      expect((await anyone('GET', path)).status).toBe(200);
    }
    await stand.ask('DELETE', '/v1/bobs/x');
    expect(await now()).toEqual([404, 'no-such-key']);
    await stand.ask('DELETE', '/v1/bobs');
    expect(await now()).toEqual([403, 'invalid-link']);
    await stand.ask('PUT', '/v1/bobs', { json: { backend: 'local' }, authorization: bob });
    await stand.ask('PUT', '/v1/bobs/x', { body: 'new', authorization: bob });
    expect(await now()).toEqual([403, 'invalid-link']);
    const fresh = await linkTo('/v1/bobs/x', {}, bob);
    await stand.ask('POST', `/admin/v1/keys/${key.accessKey}/rotate`);
    expect(codeOf(await anyone('GET', fresh))).toEqual([403, 'invalid-link']);
  });

  it('count as their maker’s: limits, quotas, and refusals in the audit log, which holds no link', async () => {
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'lim' } });
    const key = await keyOf('lim');
    const lim = basic(key.accessKey, key.secretKey);
    await stand.ask('PUT', '/v1/lims', { json: { backend: 'local' }, authorization: lim });
    await stand.ask('PUT', '/admin/v1/users/lim/limits', { json: { objects: 1 } });
    const put = (name: string) => linkTo(`/v1/lims/${name}`, { method: 'PUT' }, lim);
    expect((await anyone('PUT', await put('one'), { body: '1' })).status).toBe(200);
    expect(codeOf(await anyone('PUT', await put('two'), { body: '2' }))).toEqual([507, 'quota-exceeded']);
    const path = await linkTo('/v1/lims/one', {}, lim);
    await anyone('DELETE', path);
    await anyone(
      'GET',
      path.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    );
    await stand.ask('PUT', '/admin/v1/users/lim/limits', { json: { requestsPerSecond: 1 } });
    const codes = await Promise.all(Array.from({ length: 30 }, async () => codeOf(await anyone('GET', path))[1]));
    expect(codes).toContain('rate-limited');
    const wanted = { resource: '/v1/lims/one', accessKey: key.accessKey, result: 'refused', status: 403 };
    const log = await until(
      () => stand.ask('GET', '/admin/v1/audit?limit=1000&resource=/v1/lims/one'),
      ({ json }) => (json as { items: unknown[] }).items.length > 1,
    );
    const { items } = log.json as { items: unknown[] };
    expect(items).toContainEqual(expect.objectContaining({ ...wanted, code: 'link-refused', actor: 'lim' }));
    expect(items).toContainEqual(expect.objectContaining({ ...wanted, code: 'invalid-link' }));
    const whole = (await stand.ask('GET', '/admin/v1/audit?limit=1000')).bytes.toString();
    expect(whole).not.toMatch(/link=|v1:GET|[0-9a-f]{64}/);
  });
});
