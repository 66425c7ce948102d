import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, RawClient } from './raw-client.js';
import { basic, START_MS, Stand, type Answer, type Asked } from './stand.js';

const TUS = { 'tus-resumable': '1.0.0' };
const OCTETS = { 'content-type': 'application/offset+octet-stream' };

describe('resumable uploads', () => {
  let stand: Stand;
  let ada: string;
  let eve: string;

  const keyOf = async (name: string): Promise<string> => {
    await stand.ask('POST', '/admin/v1/users', { json: { name } });
    const { accessKey, secretKey } = (await stand.ask('POST', '/admin/v1/keys', { json: { user: name } })).json as {
      accessKey: string;
      secretKey: string;
    };
    return basic(accessKey, secretKey);
  };
  const asAda = (method: string, path: string, asked: Asked = {}): Promise<Answer> =>
    stand.ask(method, path, { authorization: ada, ...asked, headers: { ...TUS, ...asked.headers } });
  const begin = async (key: string, size: number, headers: Record<string, string> = {}): Promise<string> => {
    const answer = await asAda('POST', `/v1/adas/${key}?upload`, {
      headers: { 'upload-length': String(size), ...headers },
    });
    expect([answer.status, answer.bytes.toString()]).toEqual([201, '']);
    return answer.headers.get('location') ?? '';
  };
  const append = (place: string, offset: number, body: string | Uint8Array<ArrayBuffer>, more: Asked = {}) =>
    asAda('PATCH', place, { body, ...more, headers: { ...OCTETS, 'upload-offset': String(offset), ...more.headers } });
  const offsetOf = async (place: string): Promise<number> =>
    Number((await asAda('HEAD', place)).headers.get('upload-offset'));
  const codeOf = ({ status, json, headers }: Answer) => [
    status,
    (json as { code?: string } | undefined)?.code ?? headers.get('x-spumoni-code'),
  ];
  /** How many writes lie at the vendor, which here is a directory. */
  const stored = async (): Promise<number> => {
    const files = await readdir(join(stand.directory, 'data', 'objects'), { recursive: true, withFileTypes: true });
    return files.filter((file) => file.isFile() && !file.parentPath.includes('.spumoni')).length;
  };

  beforeAll(async () => {
    stand = await Stand.start({
      SPUMONI_UPLOADS_PER_USER: '5',
      SPUMONI_UPLOAD_BYTES: '100000000',
      SPUMONI_CORS_ORIGINS: 'https://app.example',
    });
    ada = await keyOf('ada');
    eve = await keyOf('eve');
    await stand.ask('PUT', '/v1/adas', { json: { backend: 'local', policy: 'Gold' }, authorization: ada });
  }, START_MS);
  afterAll(() => stand.stop());

  it('become an object with all that a put can say of it, part by part', async () => {
    const type = Buffer.from('text/plain').toString('base64');
    const sha256 = createHash('sha256').update('hello, clouds').digest('base64');
    const place = await begin('a b/hello', 13, {
      'upload-metadata': `filename ${type},filetype ${type}`,
      'x-amz-meta-author': 'Ana',
      'x-amz-tagging': 'a=b',
      'x-amz-storage-class': 'Silver',
      'x-amz-checksum-sha256': sha256,
    });
    expect(await offsetOf(place)).toBe(0);
    const first = await append(place, 0, 'hello, ');
    expect([first.status, first.headers.get('upload-offset')]).toEqual([204, '7']);
    expect((await stand.ask('HEAD', '/v1/adas/a b/hello')).status).toBe(404);
    expect((await stand.ask('GET', '/v1/adas')).json).toMatchObject({ objects: [], commonPrefixes: [] });
    const state = await asAda('HEAD', place);
    expect(Object.fromEntries(state.headers)).toMatchObject({
      'upload-offset': '7',
      'upload-length': '13',
      'upload-metadata': `filename ${type},filetype ${type}`,
      'tus-resumable': '1.0.0',
      'cache-control': 'no-store',
    });
    const last = await append(place, 7, 'clouds');
    const etag = createHash('md5').update('hello, clouds').digest('hex');
    expect([last.status, last.headers.get('etag')]).toEqual([204, `"${etag}"`]);
    const got = await stand.ask('GET', '/v1/adas/a%20b/hello');
    expect(got.bytes.toString()).toBe('hello, clouds');
    expect(Object.fromEntries(got.headers)).toMatchObject({
      'content-type': 'text/plain',
      'x-amz-meta-author': 'Ana',
      'x-amz-tagging': 'a=b',
      'x-spumoni-tier': 'Silver',
      'x-amz-checksum-sha256': sha256,
      etag: `"${etag}"`,
    });
    // Whose last answer was lost asks, and is told that all is there.
    expect(await offsetOf(place)).toBe(13);
    expect((await asAda('DELETE', place)).status).toBe(204);
    expect((await stand.ask('HEAD', '/v1/adas/a%20b/hello')).status).toBe(200);
  });

  it('may be empty, or come whole with their beginning', async () => {
    await begin('empty', 0);
    expect((await stand.ask('HEAD', '/v1/adas/empty')).headers.get('content-length')).toBe('0');
    const whole = await asAda('POST', '/v1/adas/whole?upload', {
      body: 'whole',
      headers: { ...OCTETS, 'upload-length': '5' },
    });
    expect([whole.status, whole.headers.get('upload-offset')]).toEqual([201, '5']);
    expect((await stand.ask('GET', '/v1/adas/whole')).bytes.toString()).toBe('whole');
  });

  it('leave nothing where the request that began one failed or was cut, so that nobody was told its place', async () => {
    const before = await stored();
    const headers = { ...OCTETS, 'upload-length': '5' };
    for (let n = 0; n < 6; n += 1) {
      expect(codeOf(await asAda('POST', `/v1/adas/long-${n}?upload`, { body: 'longer', headers }))).toEqual([
        ...[413, 'too-large'],
      ]);
      const client = await RawClient.open(stand.port);
      const cut = { ...TUS, ...OCTETS, 'upload-length': 500_000, 'content-length': 500_000, authorization: ada };
      client.send(head('POST', `/v1/adas/cut-${n}?upload`, cut));
      client.send(randomBytes(100_000));
      client.end();
    }
    const open = async (): Promise<number> => {
      const [row] = await stand.postgresQuery<{ n: string }>(`SELECT count(*) AS n FROM upload WHERE state = 'open'`);
      return Number(row?.n);
    };
    for (let turn = 0; (await open()) + (await stored()) > before && turn < 900; turn += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect([await open(), await stored()]).toEqual([0, before]);
  });

  it('keep every byte that came before the connection was cut', async () => {
    const place = await begin('cut', 1_000_000);
    const content = randomBytes(1_000_000);
    const client = await RawClient.open(stand.port);
    const headers = { ...TUS, ...OCTETS, 'upload-offset': 0, 'content-length': 1_000_000, authorization: ada };
    client.send(head('PATCH', place, headers));
    client.send(content.subarray(0, 300_000));
    client.end();
    let offset = 0;
    for (let turn = 0; offset === 0 && turn < 1_800; turn += 1) {
      offset = await offsetOf(place);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThanOrEqual(300_000);
    expect((await append(place, offset, content.subarray(offset))).status).toBe(204);
    expect((await stand.ask('GET', '/v1/adas/cut')).bytes.equals(content)).toBe(true);
  });

  it('take bytes only where they go on, from one of two writers, and no more than they said', async () => {
    const place = await begin('strict', 10);
    expect((await append(place, 0, '01234')).status).toBe(204);
    const wrong = await append(place, 3, 'xx');
    expect([...codeOf(wrong), wrong.headers.get('upload-offset')]).toEqual([409, 'upload-offset', '5']);
    expect(codeOf(await append(place, 5, '567890'))).toEqual([413, 'too-large']);
    const both = await Promise.all([append(place, 5, '56789'), append(place, 5, '56789')]);
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
    expect((await stand.ask('GET', '/v1/adas/strict')).bytes.toString()).toBe('0123456789');
  });

  it('are refused at their beginning what a put would be refused, and at their end what has changed meanwhile', async () => {
    const refusal = async (key: string, headers: Record<string, string>) =>
      codeOf(await asAda('POST', `/v1/adas/${key}?upload`, { headers: { 'upload-length': '3', ...headers } }));
    expect(await refusal('.spumoni/u/x', {})).toEqual([400, 'invalid-key']);
    expect(await refusal('a', { 'x-amz-storage-class': 'Nope' })).toEqual([400, 'invalid-storage-class']);
    expect(await refusal('whole', { 'if-none-match': '*' })).toEqual([412, 'precondition-failed']);
    expect(await refusal('a', { 'upload-length': '100000001' })).toEqual([413, 'too-large']);
    expect(await refusal('a', { 'upload-length': '-1' })).toEqual([400, 'invalid-request']);
    expect(await refusal('a', { 'tus-resumable': '0.2.0' })).toEqual([400, 'invalid-request']);
    expect(await refusal('a', { 'upload-defer-length': '1' })).toEqual([501, 'not-offered']);
    expect(codeOf(await stand.ask('POST', '/v1/adas/a?upload', { authorization: ada }))).toEqual([
      ...[412, 'unsupported-protocol'],
    ]);
    const place = await begin('raced', 3, { 'if-none-match': '*' });
    expect((await append(place, 0, 'ab')).status).toBe(204);
    await stand.ask('PUT', '/v1/adas/raced', { body: 'first' });
    expect(codeOf(await append(place, 2, 'c'))).toEqual([412, 'precondition-failed']);
    expect((await asAda('HEAD', place)).status).toBe(412);
    expect((await stand.ask('GET', '/v1/adas/raced')).bytes.toString()).toBe('first');
    const damaged = await begin('damaged', 3, { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' });
    expect(codeOf(await append(damaged, 0, 'abc'))).toEqual([400, 'bad-digest']);
    expect((await stand.ask('HEAD', '/v1/adas/damaged')).status).toBe(404);
  });

  it('are their maker’s alone, bounded in number, and leave nothing when they end', async () => {
    await stand.ask('PUT', '/v1/eves', { json: { backend: 'local' }, authorization: eve });
    const before = await stored();
    const place = await begin('mine', 6);
    expect((await append(place, 0, 'abc')).status).toBe(204);
    expect(await stored()).toBeGreaterThan(before);
    const asEve = (method: string, path: string) =>
      stand.ask(method, path, { authorization: eve, headers: { ...TUS, ...OCTETS, 'upload-offset': '3' } });
    for (const method of ['HEAD', 'PATCH', 'DELETE']) expect((await asEve(method, place)).status).toBe(403);
    const elsewhere = place.replace('/adas/', '/eves/');
    for (const path of [elsewhere, place.replace('mine', 'other'), '/v1/eves/mine?upload=', '/v1/eves/mine?upload=x'])
      for (const method of ['HEAD', 'PATCH', 'DELETE'])
        expect([path, ...codeOf(await asEve(method, path))]).toEqual([
          ...[path, path.includes('/adas/') ? 403 : 404, path.includes('/adas/') ? 'access-denied' : 'no-such-upload'],
        ]);
    // Neither its parts nor their records are anybody's objects.
    const parts = await stand.ask('GET', '/v1/adas?prefix=.spumoni/');
    expect(parts.json).toMatchObject({ objects: [], commonPrefixes: [] });
    const others = await Promise.all([1, 2, 3, 4].map((n) => begin(`more-${n}`, 5)));
    expect(codeOf(await asAda('POST', '/v1/adas/more?upload', { headers: { 'upload-length': '5' } }))).toEqual([
      ...[429, 'too-many-uploads'],
    ]);
    for (const one of [place, ...others]) expect((await asAda('DELETE', one)).status).toBe(204);
    expect(codeOf(await asAda('HEAD', place))).toEqual([404, 'no-such-upload']);
    expect(await stored()).toBe(before);
  });

  it('hold their room in the quotas while they are under way, and give it back', async () => {
    await stand.ask('PUT', '/admin/v1/users/ada/limits', { json: { bytes: 3_000_000 } });
    const place = await begin('large', 1_900_000);
    expect((await append(place, 0, randomBytes(100))).status).toBe(204);
    const second = { headers: { 'upload-length': '1900000' } };
    expect(codeOf(await asAda('POST', '/v1/adas/second?upload', second))).toEqual([507, 'quota-exceeded']);
    expect((await stand.ask('PUT', '/v1/adas/put', { body: new Uint8Array(1_900_000) })).status).toBe(507);
    expect((await append(place, 100, randomBytes(1_899_900))).status).toBe(204);
    expect((await asAda('DELETE', place)).status).toBe(204);
    expect(codeOf(await asAda('POST', '/v1/adas/second?upload', second))).toEqual([507, 'quota-exceeded']);
    expect((await stand.ask('DELETE', '/v1/adas/large')).status).toBe(200);
    const place2 = await begin('second', 1_900_000);
    expect((await asAda('DELETE', place2)).status).toBe(204);
    await stand.ask('PUT', '/admin/v1/users/ada/limits', { json: {} });
  });

  it('make no room in the quotas by being begun and ended, whatever lies at their key and however they end', async () => {
    const used = async (): Promise<unknown> =>
      ((await stand.ask('GET', '/admin/v1/buckets/counted/limits')).json as { usage: unknown }).usage;
    await stand.ask('PUT', '/v1/counted', { json: { backend: 'local' }, authorization: ada });
    expect((await stand.ask('PUT', '/v1/counted/there', { body: new Uint8Array(1_000) })).status).toBe(200);
    await stand.ask('PUT', '/admin/v1/buckets/counted/limits', { json: { objects: 10, bytes: 10_000 } });
    expect(await used()).toEqual({ objects: 1, bytes: 1_000 });
    const beginAt = (key: string, size: number, headers: Record<string, string> = {}) =>
      asAda('POST', `/v1/counted/${key}?upload`, { headers: { 'upload-length': String(size), ...headers } });
    const placeOf = (answer: Answer): string => answer.headers.get('location') ?? '';
    const over = placeOf(await beginAt('there', 500));
    expect(await used()).toEqual({ objects: 2, bytes: 1_500 });
    expect((await asAda('DELETE', over)).status).toBe(204);
    expect(await used()).toEqual({ objects: 1, bytes: 1_000 });
    const replacing = placeOf(await beginAt('there', 500));
    expect((await append(replacing, 0, randomBytes(500))).status).toBe(204);
    expect(await used()).toEqual({ objects: 1, bytes: 500 });
    const wrong = { 'content-md5': Buffer.alloc(16).toString('base64') };
    expect((await beginAt('empty', 0, wrong)).status).toBe(400);
    expect(await used()).toEqual({ objects: 1, bytes: 500 });
    // Whether the end comes before the last bytes or after them, what was held is given back once.
    for (const n of [1, 2, 3, 4]) {
      const raced = placeOf(await beginAt(`raced-${n}`, 500));
      await Promise.all([append(raced, 0, randomBytes(500)), asAda('DELETE', raced)]);
      await asAda('DELETE', raced);
    }
    const { objects } = (await stand.ask('GET', '/v1/counted')).json as { objects: { size: number }[] };
    const bytes = objects.reduce((sum, { size }) => sum + size, 0);
    expect(await used()).toEqual({ objects: objects.length, bytes });
  });

  it('of an encrypted bucket lie sealed at the vendor', async () => {
    const options = { json: { backend: 'local', encryption: { enabled: true } }, authorization: ada };
    await stand.ask('PUT', '/v1/sealed', options);
    const begun = await asAda('POST', '/v1/sealed/x?upload', { headers: { 'upload-length': '20' } });
    const place = begun.headers.get('location') ?? '';
    expect((await append(place, 0, 'plainplain')).status).toBe(204);
    const directory = join(stand.directory, 'data', 'objects');
    const files = await readdir(directory, { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
    );
    expect(texts.some((text) => text.includes('plainplain'))).toBe(false);
    expect((await append(place, 10, 'plainplain')).status).toBe(204);
    const got = await stand.ask('GET', '/v1/sealed/x');
    expect([got.bytes.toString(), got.headers.get('x-amz-server-side-encryption')]).toEqual([
      ...['plainplainplainplain', 'AES256'],
    ]);
  });

  it('go with their bucket', async () => {
    await stand.ask('PUT', '/v1/going', { json: { backend: 'local' }, authorization: ada });
    const begun = await asAda('POST', '/v1/going/x?upload', { headers: { 'upload-length': '20' } });
    const place = begun.headers.get('location') ?? '';
    expect((await append(place, 0, 'abc')).status).toBe(204);
    expect((await stand.ask('DELETE', '/v1/going')).status).toBe(200);
    expect(codeOf(await append(place, 3, 'abc'))).toEqual([404, 'no-such-bucket']);
  });

  it('are open to pages of the origins that the settings list, and to no others', async () => {
    const from = (origin: string, headers: Record<string, string> = {}) => ({ headers: { origin, ...headers } });
    const preflight = await stand.ask('OPTIONS', '/v1/adas/page?upload', {
      authorization: '',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'tus-resumable,upload-offset',
      },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
      ...[204, expect.stringContaining('PATCH')],
    ]);
    const begun = await asAda('POST', '/v1/adas/page?upload', from('https://app.example', { 'upload-length': '3' }));
    expect(begun.status).toBe(201);
    expect(begun.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(begun.headers.get('access-control-expose-headers')).toBe('*');
    const foreign = await asAda('POST', '/v1/adas/page?upload', from('https://evil.example', { 'upload-length': '3' }));
    expect([...codeOf(foreign), foreign.headers.get('access-control-allow-origin')]).toEqual([
      ...[403, 'access-denied', null],
    ]);
    expect((await asAda('DELETE', begun.headers.get('location') ?? '')).status).toBe(204);
  });
});
