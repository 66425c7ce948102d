import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { findProgram, startNginx, type RunningNginx } from '../servers/index.js';
import { Client, objectPath } from './client.js';
import { Program } from './production/program.js';
import { rawRequest } from './raw-request.js';
import { until } from './running-spumoni.js';

const ROOT = { accessKey: 'ROOTACCESSKEY0000001', secretKey: 'a-root-secret-of-some-length' };
const PIECE = randomBytes(1 << 20);
const PIECES = 48;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Each as it is, then as it stands in the path. */
const ODD_KEYS: readonly (readonly [key: string, path: string])[] = [
  ['with space', 'with%20space'],
  ['plus+sign', 'plus+sign'],
  ['a%2Fb', 'a%252Fb'],
  ['one/slash', 'one%2Fslash'],
  ['two//slashes', 'two//slashes'],
  ['ends in slashes//', 'ends%20in%20slashes//'],
  ['question?mark=1&2', 'question%3Fmark=1&2'],
  ['hash#tag', 'hash%23tag'],
  ['semi;colon:at@dollar$', 'semi;colon:at@dollar$'],
  ['ünïcødé/日本/🍨', '%C3%BCn%C3%AFc%C3%B8d%C3%A9/%E6%97%A5%E6%9C%AC/%F0%9F%8D%A8'],
  ['quote"back\\slash|<>^`{}', 'quote%22back%5Cslash%7C%3C%3E%5E%60%7B%7D'],
  ['dots/../up', 'dots/%2e%2e/up'],
  ['dot/./same', 'dot/%2E/same'],
  ['tab\tnew\nline', 'tab%09new%0Aline'],
  ['é'.repeat(512), '%C3%A9'.repeat(512)],
];

describe('nginx before two API processes', () => {
  if (!findProgram('nginx')) {
    it.skip('passes everything on as it is [skipped: nginx is not installed]', () => undefined);
    return;
  }
  let directory = '';
  let postgres: EmbeddedPostgres;
  let apis: [Program, Program];
  let nginx: RunningNginx;
  let client: Client;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spumoni-proxy-'));
    postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'postgres'), durable: false });
    const environment = {
      SPUMONI_POSTGRES_URL: postgresUrl(postgres.connection),
      SPUMONI_DATA_DIR: join(directory, 'data'),
      SPUMONI_LOG_LEVEL: 'warn',
      SPUMONI_ROOT_ACCESS_KEY: ROOT.accessKey,
      SPUMONI_ROOT_SECRET_KEY: ROOT.secretKey,
    };
    apis = await Promise.all([Program.start('api', environment), Program.start('api', environment)]);
    nginx = await startNginx([apis[0].url, apis[1].url]);
    client = new Client({ url: nginx.url, ...ROOT });
    await client.expect(200, 'PUT', '/v1/behind', { json: { name: 'behind', backend: 'local' } });
  }, 120_000);
  afterAll(async () => {
    await nginx.stop();
    await Promise.all(apis.map((api) => api.kill()));
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('passes a large upload on while it comes, and a download and its ranges back', async () => {
    const gate = Promise.withResolvers<undefined>();
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let n = 0; n < PIECES; n += 1) {
        if (n === 1) await gate.promise;
        yield PIECE;
      }
    }
    const upload = client.send('PUT', objectPath('behind', 'large'), { body: pieces() });
    // A proxy that kept the body until its end would not have asked anybody yet.
    await until('a process is being sent the body', 90_000, async () => (await writesUnderWay(apis)) > 0);
    gate.resolve(undefined);
    expect((await upload).status).toBe(200);

    const whole = Buffer.concat(Array.from({ length: PIECES }, () => PIECE));
    const { bytes } = await client.expect(200, 'GET', objectPath('behind', 'large'));
    expect(sha256(bytes)).toBe(sha256(whole));
    const headers = { range: 'bytes=1048570-1048585' };
    const part = await client.expect(206, 'GET', objectPath('behind', 'large'), { headers });
    expect(part.headers.get('content-range')).toBe(`bytes 1048570-1048585/${whole.length}`);
    expect(part.bytes.equals(whole.subarray(1_048_570, 1_048_586))).toBe(true);
    const head = await client.expect(200, 'HEAD', objectPath('behind', 'large'));
    expect(head.headers.get('content-length')).toBe(String(whole.length));
  }, 60_000);

  const titled = ODD_KEYS.map(
    ([key, path]) => [key.length < 60 ? JSON.stringify(key) : 'of 1,024 bytes', key, path] as const,
  );
  it.each(titled)('leaves the key %s as it is', async (_, key, path) => {
    const headers = { authorization: client.authorization, 'x-amz-meta-under_score': 'kept' };
    const at = `/v1/behind/${path}`;
    const put = await rawRequest(nginx.url, 'PUT', at, { headers, body: key });
    expect({ status: put.status, text: put.status === 200 ? '' : put.bytes.toString() }).toEqual({
      status: 200,
      text: '',
    });
    // Asked past nginx: what it passed on is what a client of the API itself would have said.
    const got = await rawRequest(apis[1].url, 'GET', at, { headers });
    expect({ status: got.status, text: got.bytes.toString() }).toEqual({ status: 200, text: key });
    expect(got.headers['x-amz-meta-under_score']).toBe('kept');
    const search = new URLSearchParams({ prefix: key, maxKeys: '2' });
    const listed = (await client.expect(200, 'GET', `/v1/behind?${search.toString()}`)).json();
    expect(listed).toMatchObject({ objects: [{ key }] });
    expect((await rawRequest(nginx.url, 'GET', at, { headers })).bytes.toString()).toBe(key);
  });

  it('goes on with one process when the other is killed, and says in our words when both are', async () => {
    await client.expect(200, 'PUT', objectPath('behind', 'stays'), { body: 'text' });
    await apis[0].kill();
    for (let n = 0; n < 20; n += 1) {
      expect((await client.expect(200, 'GET', objectPath('behind', 'stays'))).text()).toBe('text');
      await client.expect(200, 'PUT', objectPath('behind', `after-${n}`), { body: String(n) });
    }
    expect((await fetch(`${nginx.url}/metrics`)).status).toBe(404);
    await apis[1].kill();
    const answer = await client.send('GET', objectPath('behind', 'stays'));
    expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({
      status: 503,
      type: 'application/problem+json',
    });
    expect(answer.json()).toMatchObject({ code: 'proxy-unavailable' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }, 60_000);
});

/** Requests that the processes serve now, beside the questions themselves. */
async function writesUnderWay(apis: readonly Program[]): Promise<number> {
  const counts = await Promise.all(apis.map((api) => api.requestsInFlight()));
  return counts.reduce((sum, count) => sum + count, 0);
}
