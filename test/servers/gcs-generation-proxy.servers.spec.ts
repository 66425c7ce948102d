import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findServer, startFakeGcs, type Project, type RunningServer } from './index.js';

const missing = findServer('fake-gcs-server') ? '' : ' [skipped: fake-gcs-server is not installed]';
const check = missing ? it.skip : it;
const JSON_TYPE = { 'content-type': 'application/json' };

let server: RunningServer<Project>;
let count = 0;

interface Answer {
  status: number;
  body: string;
}
async function call(method: string, path: string, body?: string): Promise<Answer> {
  const init = body === undefined ? { method } : { method, body, headers: JSON_TYPE };
  const answer = await fetch(server.endpoint + path, init);
  return { status: answer.status, body: await answer.text() };
}
const freshKey = () => `folder%2Fkey-${(count += 1)}`;
const at = (key: string) => `/storage/v1/b/bucket/o/${key}`;
async function put(key: string, body: string, query = ''): Promise<string> {
  const answer = await call('POST', `/upload/storage/v1/b/bucket/o?uploadType=media&name=${key}${query}`, body);
  if (answer.status !== 200) throw new Error(`upload answered ${answer.status}: ${answer.body}`);
  return (JSON.parse(answer.body) as { generation: string }).generation;
}
const read = async (key: string) => (await call('GET', `${at(key)}?alt=media`)).body.trimEnd();

/** An object written twice: its first generation is gone, its second lives. */
async function rewritten(): Promise<{ key: string; old: string; live: string }> {
  const key = freshKey();
  const old = await put(key, 'first');
  return { key, old, live: await put(key, 'second') };
}

beforeAll(async () => {
  if (missing) return;
  server = await startFakeGcs();
  expect((await call('POST', '/storage/v1/b?project=p', '{"name":"bucket"}')).status).toBe(200);
});
afterAll(async () => {
  if (!missing) await server.stop();
});

describe('the proxy before fake-gcs-server', () => {
  check(`deletes the generation that is meant and no other${missing}`, async () => {
    const { key, old, live } = await rewritten();
    expect((await call('DELETE', `${at(key)}?generation=${old}`)).status).toBe(404);
    expect((await call('DELETE', `${at(key)}?ifGenerationMatch=${old}`)).status).toBe(412);
    expect((await call('DELETE', `${at(key)}?ifMetagenerationMatch=7`)).status).toBe(412);
    expect(await read(key)).toBe('second');
    expect((await call('DELETE', `${at(key)}?generation=${live}&ifGenerationMatch=${live}`)).status).toBe(200);
    expect((await call('DELETE', `${at(key)}?ifGenerationMatch=${live}`)).status).toBe(404);
  });

  check(`keeps the conditions of reads${missing}`, async () => {
    const { key, old, live } = await rewritten();
    for (const media of ['', '&alt=media']) {
      const status = async (condition: string) => (await call('GET', `${at(key)}?${condition}${media}`)).status;
      expect(await status(`generation=${old}`)).toBe(404);
      expect(await status(`generation=${live}`)).toBe(200);
      expect(await status(`ifGenerationMatch=${old}`)).toBe(412);
      expect(await status(`ifGenerationMatch=${live}`)).toBe(200);
      expect(await status(`ifGenerationNotMatch=${live}`)).toBe(304);
      expect(await status(`ifMetagenerationMatch=7`)).toBe(412);
    }
    expect((await call('HEAD', `${at(key)}?ifGenerationMatch=${old}`)).status).toBe(412);
  });

  check(`keeps the conditions of metadata changes${missing}`, async () => {
    const { key, old, live } = await rewritten();
    const patch = async (query: string) => (await call('PATCH', `${at(key)}?${query}`, '{"contentType":"a/b"}')).status;
    expect(await patch(`generation=${old}`)).toBe(404);
    expect(await patch(`ifGenerationMatch=${old}`)).toBe(412);
    expect(await patch(`ifMetagenerationMatch=7`)).toBe(412);
    expect((await call('GET', at(key))).body).not.toContain('a/b');
    expect(await patch(`ifGenerationMatch=${live}&ifMetagenerationMatch=1`)).toBe(200);
    expect((await call('GET', at(key))).body).toContain('a/b');
  });

  check.each(['rewriteTo', 'copyTo'])(`keeps the conditions of %s${missing}`, async (verb) => {
    const source = await rewritten();
    const target = await rewritten();
    const copy = async (query: string) =>
      (await call('POST', `${at(source.key)}/${verb}/b/bucket/o/${target.key}?${query}`, '{}')).status;
    expect(await copy('ifGenerationMatch=0')).toBe(412);
    expect(await copy(`ifGenerationMatch=${target.old}`)).toBe(412);
    expect(await copy(`ifSourceGenerationMatch=${source.old}`)).toBe(412);
    expect(await copy(`sourceGeneration=${source.old}`)).toBe(404);
    expect((await call('GET', `${at(target.key)}?generation=${target.live}`)).status).toBe(200);
    const all = `sourceGeneration=${source.live}&ifSourceGenerationMatch=${source.live}`;
    expect(await copy(`${all}&ifGenerationMatch=${target.live}`)).toBe(200);
    expect((await call('GET', `${at(target.key)}?generation=${target.live}`)).status).toBe(404);
  });

  check(`keeps the conditions of compose, on its target and on its sources${missing}`, async () => {
    const source = await rewritten();
    const target = freshKey();
    const name = decodeURIComponent(source.key);
    const compose = async (query: string, demand: object) =>
      (await call('POST', `${at(target)}/compose?${query}`, JSON.stringify({ sourceObjects: [{ name, ...demand }] })))
        .status;
    expect(await compose('', { generation: source.old })).toBe(404);
    expect(await compose('', { objectPreconditions: { ifGenerationMatch: source.old } })).toBe(412);
    expect(await compose('ifGenerationMatch=5', {})).toBe(412);
    expect(await compose('ifGenerationMatch=0', { generation: source.live })).toBe(200);
    expect(await compose('ifGenerationMatch=0', {})).toBe(412);
    expect(await read(target)).toBe('second');
  });

  check(`refuses conditions that it cannot judge${missing}`, async () => {
    const part =
      '--Q\r\nContent-Type: application/http\r\n\r\nDELETE /storage/v1/b/bucket/o/a?ifGenerationMatch=1 HTTP/1.1';
    expect((await call('POST', '/batch/storage/v1', `${part}\r\n\r\n\r\n--Q--`)).status).toBe(501);
    const headers = { 'x-goog-if-generation-match': '1' };
    expect((await fetch(`${server.endpoint}/bucket/a`, { headers })).status).toBe(501);
  });

  check(`leads resumable uploads back to itself${missing}`, async () => {
    const key = freshKey();
    const begin = `/upload/storage/v1/b/bucket/o?uploadType=resumable&name=${key}&ifGenerationMatch=0`;
    const answer = await fetch(server.endpoint + begin, { method: 'POST', body: '{}', headers: JSON_TYPE });
    const location = answer.headers.get('location') ?? '';
    expect(new URL(location).origin).toBe(server.endpoint);
    const bytes = Buffer.alloc(3 * 1024 * 1024, 'x');
    expect((await fetch(location, { method: 'PUT', body: bytes })).status).toBe(200);
    expect((await read(key)).length).toBe(bytes.length);
  });

  check(`takes empty objects, and lets 1 of 20 creators win${missing}`, async () => {
    const key = freshKey();
    const create = () =>
      call('POST', `/upload/storage/v1/b/bucket/o?uploadType=media&name=${key}&ifGenerationMatch=0`, '');
    const statuses = (await Promise.all(Array.from({ length: 20 }, create))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(19);
    expect(await read(key)).toBe('');
  });

  check(`loses no write to a delete or a rewrite that raced it${missing}`, async () => {
    for (let round = 0; round < 40; round += 1) {
      const key = freshKey();
      const first = await put(key, 'first');
      const raced = await Promise.all([
        put(key, 'second', `&ifGenerationMatch=${first}`).then(
          () => true,
          () => false,
        ),
        call('DELETE', `${at(key)}?ifGenerationMatch=${first}`).then(({ status }) => status === 200),
        call('POST', `${at(key)}/rewriteTo/b/bucket/o/${key}?ifGenerationMatch=${first}`, '{}').then(
          ({ status }) => status === 200,
        ),
      ]);
      expect(raced.filter(Boolean)).toHaveLength(1);
      expect(await read(key)).toBe(raced[0] ? 'second' : raced[1] ? 'Not Found' : 'first');
    }
  });

  check(`is not held up by a client that stops in the middle of an upload, or vanishes${missing}`, async () => {
    const { key, live } = await rewritten();
    const upload = `/upload/storage/v1/b/bucket/o?uploadType=media&name=${key}`;
    const slow = request(server.endpoint + upload, { method: 'POST', headers: { 'content-length': '10' } });
    const failed = new Promise((resolve) => slow.once('error', resolve));
    slow.write('five.');
    expect((await call('DELETE', `${at(key)}?ifGenerationMatch=${live}`)).status).toBe(200);
    slow.destroy();
    await failed;
    await put(freshKey(), 'goes on');
    expect((await call('GET', at(key))).status).toBe(404);
  });

  check(`cuts the connection of a server that dies, and goes on after its restart${missing}`, async () => {
    await server.kill();
    await expect(put(freshKey(), 'lost')).rejects.toThrow('fetch failed');
    await server.restart();
    expect((await call('POST', '/storage/v1/b?project=p', '{"name":"bucket"}')).status).toBe(200);
    await put(freshKey(), 'kept');
  });
});
