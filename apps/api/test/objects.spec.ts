import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { START_MS, Stand, type Answer } from './stand.js';

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const encoded = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

describe('objects', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await Stand.start();
    for (const bucket of ['things', 'others'])
      expect((await stand.ask('PUT', `/v1/${bucket}`, { json: { backend: 'local' } })).status).toBe(200);
  }, START_MS);
  afterAll(() => stand.stop());

  const put = (key: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    stand.ask('PUT', `/v1/things/${encoded(key)}`, { body, headers });
  const get = (key: string, headers: Record<string, string> = {}): Promise<Answer> =>
    stand.ask('GET', `/v1/things/${encoded(key)}`, { headers });
  const keysOf = (answer: Answer): string[] =>
    (answer.json as { objects: { key: string }[] }).objects.map((o) => o.key);

  it('A2.16: bytes round-trip under any key, decoded once and never normalised', async () => {
    const awkward = [
      'a b',
      '100%',
      'a%2Fb',
      'a//b',
      '/lead',
      'plus+and&eq=?#',
      'ünï/☃',
      'tail/',
      '\u{1f600}',
      'q\'"<>',
    ];
    const key = fc.oneof(
      fc.constantFrom(...awkward),
      fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
        .filter((text) => !/[\0-\x1f\x7f]|^\.\.?$|\/\.\.?(\/|$)|^\.\.?\/|^\.spumoni/.test(text)),
    );
    await fc.assert(
      fc.asyncProperty(key, fc.uint8Array({ maxLength: 300 }), async (name, bytes) => {
        const stored = await put(name, new Uint8Array(bytes));
        expect(stored.json).toMatchObject({
          returnCode: 200,
          key: name,
          size: bytes.length,
          ETag: md5(bytes),
          location: 'local',
        });
        const got = await get(name);
        expect(got.status).toBe(200);
        expect(got.bytes.equals(bytes)).toBe(true);
        const listed = await stand.ask('GET', `/v1/things?prefix=${encodeURIComponent(name)}&maxKeys=1`);
        expect(keysOf(listed)).toEqual([name]);
      }),
      { numRuns: 60 },
    );
  });

  it('streams large bodies of known and unknown length', async () => {
    const bytes = new Uint8Array(5_000_001).map((_, at) => at % 251);
    expect((await put('large', bytes)).json).toMatchObject({ size: bytes.length, ETag: md5(bytes) });
    const response = await fetch(`${stand.url}/v1/things/chunked`, {
      method: 'PUT',
      headers: { authorization: stand.root },
      body: new Blob([bytes]).stream(),
      duplex: 'half',
    });
    expect(await response.json()).toMatchObject({ size: bytes.length, ETag: md5(bytes) });
    for (const key of ['large', 'chunked']) expect(md5((await get(key)).bytes)).toBe(md5(bytes));
  });

  it('keeps standard headers, metadata in UTF-8, tags and content type, also of JSON, and copies carry them', async () => {
    const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
    const headers = {
      'content-type': 'application/json',
      'cache-control': 'max-age=60',
      'content-disposition': 'attachment; filename="x.json"',
      'content-language': 'de',
      'content-encoding': 'aws-chunked, gzip',
      expires: 'Thu, 01 Dec 2094 16:00:00 GMT',
      'x-amz-meta-city': latin1('Zürich ☃'),
      'x-amz-meta-plain': 'a  b',
      'x-amz-tagging': 'team=a%20b&env=prod',
    };
    await put('attributed', '{"not": json', headers);
    await stand.ask('POST', `/v1/others/copied?copyFrom=${encodeURIComponent('/things/attributed')}`);
    const raw = { 'accept-encoding': 'identity' };
    for (const path of ['/v1/things/attributed', '/v1/others/copied']) {
      const got = await stand.ask('HEAD', path, { headers: raw });
      expect(got.status).toBe(200);
      const shown = Object.fromEntries(got.headers);
      expect(shown).toMatchObject({ ...headers, 'content-encoding': 'gzip', 'x-amz-tagging-count': '2' });
    }
  });

  it('answers any range as RFC 9110 has it', async () => {
    const bytes = new Uint8Array(1000).map((_, at) => (at * 7) % 256);
    await put('ranged', bytes);
    const at = fc.integer({ min: 0, max: 1200 });
    const asked = fc.oneof(
      fc.tuple(at, at).map(([from, to]) => ({ header: `bytes=${from}-${to}`, from, to: to < from ? -1 : to })),
      at.map((from) => ({ header: `bytes=${from}-`, from, to: 999 })),
      at.map((last) => ({ header: `bytes=-${last}`, from: Math.max(0, 1000 - last), to: last === 0 ? -2 : 999 })),
    );
    await fc.assert(
      fc.asyncProperty(asked, async ({ header, from, to }) => {
        const got = await get('ranged', { range: header });
        if (to === -1) expect(got.status).toBe(200);
        else if (to === -2 || from >= 1000) {
          expect(got.status).toBe(416);
          expect(got.headers.get('content-range')).toBe('bytes */1000');
          expect(got.json).toMatchObject({ code: 'invalid-range' });
        } else {
          expect(got.status).toBe(206);
          const end = Math.min(to, 999);
          expect(got.headers.get('content-range')).toBe(`bytes ${from}-${end}/1000`);
          expect(got.bytes.equals(bytes.subarray(from, end + 1))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
    expect((await get('ranged', { range: 'bytes=0-1,5-6' })).status).toBe(200);
    expect((await get('ranged', { range: 'lines=0-1' })).status).toBe(200);
    const etag = `"${md5(bytes)}"`;
    expect((await get('ranged', { range: 'bytes=0-1', 'if-range': etag })).status).toBe(206);
    expect((await get('ranged', { range: 'bytes=0-1', 'if-range': '"other"' })).status).toBe(200);
    const modified = (await get('ranged')).headers.get('last-modified') ?? '';
    expect(Date.parse(modified)).not.toBeNaN();
    expect((await get('ranged', { range: 'bytes=0-1', 'if-range': modified })).status).toBe(200);
    expect((await get('ranged', { range: 'bytes=0-1', 'if-range': `W/${etag}` })).status).toBe(200);
  });

  it('honours conditions of reads and writes', async () => {
    const { headers } = await put('conditional', 'one');
    const etag = headers.get('etag') ?? '';
    expect(etag).toBe(`"${md5(Buffer.from('one'))}"`);
    const unchanged = await get('conditional', { 'if-none-match': `W/${etag}` });
    expect([unchanged.status, unchanged.bytes.length, unchanged.headers.get('etag')]).toEqual([304, 0, etag]);
    const modified = (await get('conditional')).headers.get('last-modified') ?? '';
    expect((await get('conditional', { 'if-modified-since': modified })).status).toBe(304);
    expect((await get('conditional', { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' })).status).toBe(412);
    expect((await get('conditional', { 'if-match': '"other"' })).json).toMatchObject({ code: 'precondition-failed' });
    expect((await put('conditional', 'two', { 'if-none-match': '*' })).status).toBe(412);
    expect((await put('conditional', 'two', { 'if-match': '"other"' })).status).toBe(412);
    expect((await put('conditional', 'two', { 'if-unmodified-since': modified })).status).toBe(400);
    expect((await get('conditional')).bytes.toString()).toBe('one');
    expect((await put('conditional', 'two', { 'if-match': etag })).status).toBe(200);
    expect((await put('fresh', 'one', { 'if-none-match': '*' })).status).toBe(200);
    const patch = { json: { metadata: { a: 'b' } }, headers: { 'if-match': etag } };
    expect((await stand.ask('PATCH', '/v1/things/conditional', patch)).status).toBe(412);
  });

  it('checks the digests a client sends, and keeps the old object where they are wrong', async () => {
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');
    const good = await put('digested', 'old', { 'x-amz-checksum-sha256': sha256('old') });
    expect(good.json).toMatchObject({ checksums: { sha256: sha256('old') } });
    const bad = await put('digested', 'new', { 'x-amz-checksum-sha256': sha256('old') });
    expect(bad.json).toMatchObject({ status: 400, code: 'bad-digest' });
    expect((await put('digested', 'new', { 'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA=' })).status).toBe(400);
    const got = await get('digested');
    expect([got.bytes.toString(), got.headers.get('x-amz-checksum-sha256')]).toEqual(['old', sha256('old')]);
  });

  it('A2.15: a change of metadata, tags or tier keeps bytes and ETag', async () => {
    await put('changed', 'bytes', { 'x-amz-meta-old': '1', 'content-type': 'text/plain' });
    const json = { metadata: { new: 'ü' }, tags: { a: 'b' }, headers: { contentType: 'text/css' }, tier: 'gold' };
    const answer = await stand.ask('PATCH', '/v1/things/changed', { json });
    expect(answer.json).toMatchObject({ ETag: md5(Buffer.from('bytes')), tier: 'Gold' });
    const got = await get('changed');
    expect(got.bytes.toString()).toBe('bytes');
    expect(Object.fromEntries(got.headers)).toMatchObject({
      'content-type': 'text/css',
      'x-amz-meta-new': Buffer.from('ü').toString('latin1'),
      'x-amz-tagging': 'a=b',
      'x-spumoni-tier': 'Gold',
    });
    expect(got.headers.has('x-amz-meta-old')).toBe(false);
    for (const wrong of [{}, { tier: 'Gold', storageClass: 'STANDARD' }, { colour: 1 }, { metadata: { a: '\u0007' } }])
      expect((await stand.ask('PATCH', '/v1/things/changed', { json: wrong })).status).toBe(400);
  });

  it('changes metadata and tags of any name that an upload could bring', async () => {
    await put('any-name', 'bytes');
    const body = '{"metadata": {"__proto__": "one", "constructor": "two"}, "tags": {"__proto__": "three"}}';
    const headers = { 'content-type': 'application/json' };
    expect((await stand.ask('PATCH', '/v1/things/any-name', { body, headers })).status).toBe(200);
    expect(Object.fromEntries((await get('any-name')).headers)).toMatchObject({
      'x-amz-tagging': '__proto__=three',
      'x-amz-meta-constructor': 'two',
    });
    expect((await get('any-name')).headers.get('x-amz-meta-__proto__')).toBe('one');
    const wrong = { body: '{"metadata": {"__proto__": 1}}', headers };
    expect((await stand.ask('PATCH', '/v1/things/any-name', wrong)).status).toBe(400);
  });

  it('renames only if the conditions on the source hold, and else leaves both as they are', async () => {
    const before = await put('to-rename', 'body');
    await put('in-the-way', 'other body');
    const ask = (headers: Record<string, string>) =>
      stand.ask('POST', '/v1/things/in-the-way?renameFrom=/things/to-rename', { headers });
    expect((await ask({ 'x-amz-copy-source-if-match': '"other"' })).json).toMatchObject({
      code: 'precondition-failed',
    });
    expect((await ask({ 'x-amz-copy-source-if-none-match': before.headers.get('etag') ?? '' })).status).toBe(412);
    expect([(await get('to-rename')).bytes, (await get('in-the-way')).bytes].map(String)).toEqual([
      'body',
      'other body',
    ]);
    expect((await ask({ 'x-amz-copy-source-if-none-match': '"other"' })).status).toBe(200);
    expect((await get('to-rename')).status).toBe(404);
    expect((await get('in-the-way')).bytes.toString()).toBe('body');
  });

  it('copies with replacement and renames', async () => {
    await put('source', 'body', { 'x-amz-meta-a': '1', 'x-amz-tagging': 'k=v' });
    const headers = { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-b': '2' };
    expect((await stand.ask('POST', '/v1/things/replaced?copyFrom=/things/source', { headers })).status).toBe(200);
    const replaced = await get('replaced');
    expect(Object.fromEntries(replaced.headers)).toMatchObject({ 'x-amz-meta-b': '2', 'x-amz-tagging': 'k=v' });
    expect(replaced.headers.has('x-amz-meta-a')).toBe(false);
    expect((await stand.ask('POST', '/v1/things/renamed?renameFrom=things/source')).status).toBe(200);
    expect((await get('source')).json).toMatchObject({ status: 404, code: 'no-such-key' });
    expect((await get('renamed')).headers.get('x-amz-meta-a')).toBe('1');
    expect((await stand.ask('POST', '/v1/things/renamed?copyFrom=nothing')).status).toBe(400);
    expect((await stand.ask('POST', '/v1/things/renamed')).status).toBe(400);
    const condition = { 'x-amz-copy-source-if-match': '"other"' };
    expect((await stand.ask('POST', '/v1/things/x?copyFrom=/things/renamed', { headers: condition })).status).toBe(412);
  });

  it('A2.14, A2.17: pages by marker visit each key once; folders fold; a folder goes with all below it', async () => {
    const keys = Array.from({ length: 57 }, (_, at) => `folder/${String(at % 5)}/key ${String(at)}`).sort();
    await Promise.all(['folder/', ...keys].map((key) => put(key, '')));
    const seen: string[] = [];
    let marker: string | null = '';
    while (marker !== null) {
      const query = new URLSearchParams({ prefix: 'folder/', maxKeys: '10', marker });
      const page = await stand.ask('GET', `/v1/things?${query.toString()}`);
      seen.push(...keysOf(page));
      marker = (page.json as { nextMarker: string | null }).nextMarker;
    }
    expect(seen).toEqual(['folder/', ...keys]);
    const folded = await stand.ask('GET', '/v1/things?prefix=folder/&delimiter=/');
    expect(folded.json).toMatchObject({
      commonPrefixes: [0, 1, 2, 3, 4].map((n) => `folder/${n}/`),
      isTruncated: false,
    });
    const gone = await stand.ask('DELETE', '/v1/things/folder/?recursive=true');
    expect(gone.json).toMatchObject({ returnCode: 204, deleted: 58, failed: 0 });
    expect(keysOf(await stand.ask('GET', '/v1/things?prefix=folder/'))).toEqual([]);
    expect((await stand.ask('DELETE', '/v1/things/nofolder?recursive=true')).status).toBe(400);
  });

  it('deletes one and many; what is not there is no error', async () => {
    await Promise.all(['d1', 'd2'].map((key) => put(key, 'x')));
    const many = await stand.ask('POST', '/v1/things?delete', { json: { keys: ['d1', 'absent'] } });
    expect(many.json).toEqual({
      returnCode: 200,
      results: [
        { key: 'd1', deleted: true },
        { key: 'absent', deleted: false },
      ],
    });
    const one = await stand.ask('DELETE', '/v1/things/d2');
    expect(one.json).toMatchObject({ returnCode: 204, deleted: true });
    expect((await stand.ask('DELETE', '/v1/things/d2')).json).toMatchObject({ returnCode: 204, deleted: false });
    expect((await stand.ask('POST', '/v1/things', { json: { keys: ['d1'] } })).status).toBe(400);
  });
});
