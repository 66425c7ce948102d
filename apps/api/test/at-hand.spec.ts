import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { START_MS, Stand, type Answer } from './stand.js';

/** Those differ from answer to answer. */
const OWN = new Set(['date', 'x-request-id']);

interface Said {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function said({ status, headers, bytes, json }: Answer): Said {
  const shown = [...headers].filter(([name]) => !OWN.has(name)).sort();
  // A problem bears the id of its request.
  const body = json === undefined ? bytes.toString('latin1') : JSON.stringify({ ...json, requestId: '' });
  return { status, headers: Object.fromEntries(shown), body };
}

describe('an object at hand', () => {
  let stand: Stand;
  let etag = '';
  beforeAll(async () => {
    stand = await Stand.start();
    await stand.ask('PUT', '/v1/near', { json: { backend: 'local' } });
    const headers = { 'content-type': 'text/x-notes', 'x-amz-meta-colour': 'röt', 'x-amz-tagging': 'a=1&b=%3D' };
    const stored = await stand.ask('PUT', '/v1/near/thing', { body: 'the bytes of it', headers: wire(headers) });
    expect(stored.status).toBe(200);
    etag = (stored.json as { ETag: string }).ETag;
    await stand.ask('PUT', '/v1/near/empty', { body: '' });
    for (let times = 0; times < 10; times++) await stand.ask('GET', '/v1/near/thing');
  }, START_MS);
  afterAll(() => stand.stop());

  /** Fetch sends header values as latin1. */
  function wire(headers: Record<string, string>): Record<string, string> {
    const entries = Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
    return Object.fromEntries(entries) as Record<string, string>;
  }

  /** The same request, answered at once if it can be, and by the way that may wait: without a range `If-Range` means nothing, but is never answered at once. */
  async function bothWays(method: string, path: string, headers: Record<string, string> = {}): Promise<[Said, Said]> {
    const near = await stand.ask(method, path, { headers });
    const far = await stand.ask(method, path, { headers: { 'if-range': `"${etag}"`, ...headers } });
    return [said(near), said(far)];
  }

  it('is answered as one that has to be waited for, header by header', async () => {
    const asked: [string, string, Record<string, string>, number][] = [
      ['GET', 'thing', {}, 200],
      ['HEAD', 'thing', {}, 200],
      ['GET', 'empty', {}, 200],
      ['GET', 'thing', { range: 'bytes=4-8' }, 206],
      ['GET', 'thing', { range: 'bytes=-5' }, 206],
      ['GET', 'thing', { range: 'bytes=99-' }, 416],
      ['GET', 'thing', { 'if-none-match': `"${etag}"` }, 304],
      ['HEAD', 'thing', { 'if-none-match': `"${etag}"` }, 304],
      ['GET', 'thing', { 'if-match': '"other"' }, 412],
      ['GET', 'nothing', {}, 404],
      ['GET', 'thing', { origin: 'https://elsewhere.example' }, 200],
    ];
    for (const [method, key, headers, status] of asked) {
      const [near, far] = await bothWays(method, `/v1/near/${key}`, headers);
      expect({ asked: [method, key, headers], ...near }).toEqual({ asked: [method, key, headers], ...far });
      expect(near.status).toBe(status);
    }
  });

  it('is counted like any other', async () => {
    const count = async (): Promise<number> => {
      const text = (await stand.ask('GET', '/metrics')).bytes.toString();
      return Number(
        /spumoni_backend_call_seconds_count\{[^}]*operation="get",outcome="ok"[^}]*\} (\d+)/.exec(text)?.[1],
      );
    };
    const before = await count();
    for (let times = 0; times < 5; times++) expect((await stand.ask('GET', '/v1/near/thing')).status).toBe(200);
    expect((await count()) - before).toBeGreaterThanOrEqual(5);
  });

  it('is not answered to who may not see it, nor once its bytes are others', async () => {
    const stranger = `Basic ${Buffer.from('nobody:nothing').toString('base64')}`;
    const refused = await stand.ask('GET', '/v1/near/thing', { authorization: stranger });
    expect([refused.status, refused.headers.get('x-content-type-options')]).toEqual([401, 'nosniff']);
    expect(refused.headers.get('x-request-id')).not.toBeNull();
    const all = await readdir(join(stand.directory, 'data', 'objects'), { recursive: true, withFileTypes: true });
    for (const file of all.filter((one) => one.isFile() && /^[0-9a-z]{26}$/.test(one.name))) {
      const path = join(file.parentPath, file.name);
      const whole = await readFile(path);
      if (whole.toString('latin1').startsWith('the bytes of it')) await writeFile(path, whole.with(0, 1));
    }
    const damaged = await stand.ask('GET', '/v1/near/thing');
    expect(damaged.status).toBeGreaterThanOrEqual(500);
    expect(damaged.bytes.toString()).not.toContain('he bytes of it');
  });
});
