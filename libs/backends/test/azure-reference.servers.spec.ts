import { beforeAll, expect, it } from '@jest/globals';
import type { ObjectBackend } from '../src/index.js';
import { describeOnAzurite, PLAIN } from './azure-server.js';
import { RICH, expectAttributes } from './conformance/attributes.js';
import { bytesOf, collect } from './conformance/bytes.js';

const KEYS = ['plain', 'dir/ü 日本/😀', 'a+b c&d?e#f%41', "quote's", '//double//'];
const BIG = 3 * 1024 * 1024 + 17;

describeOnAzurite("the azure adapter beside Azure's SDK", (azurite) => {
  let backend: ObjectBackend;
  let container: string;
  beforeAll(async () => {
    backend = await azurite.open({ blockBytes: 1024 * 1024 });
    container = await azurite.container();
  });
  const blobOf = (key: string) => azurite.service.getContainerClient(container).getBlockBlobClient(key);

  it.each(KEYS)('what the adapter puts at %s, the SDK reads alike', async (key) => {
    const body = bytesOf(1, 5000);
    const attributes = { ...RICH, storageClass: 'Cool', tags: { project: 'x', 'a b': 'c/d=e+f' } };
    const written = await backend.put(azurite.call(), { container, key, body, size: 5000, attributes });
    expect((await blobOf(key).downloadToBuffer()).equals(body)).toBe(true);
    const seen = await blobOf(key).getProperties();
    expect(seen.etag).toBe(`"${written.token}"`);
    expect(seen.contentLength).toBe(5000);
    expect(Buffer.from(seen.contentMD5 ?? []).toString('hex')).toBe(written.md5);
    expect(seen.accessTier).toBe('Cool');
    expect(seen.contentType).toBe(RICH.headers.contentType);
    expect(seen.cacheControl).toBe(RICH.headers.cacheControl);
    expect(seen.contentDisposition).toBe(RICH.headers.contentDisposition);
    expect(seen.contentEncoding).toBe(RICH.headers.contentEncoding);
    expect(seen.contentLanguage).toBe(RICH.headers.contentLanguage);
    expect(seen.metadata).toMatchObject({ plain: 'value', with_underscore: '2', with_x2d_dash: '1' });
    expect((await blobOf(key).getTags()).tags).toEqual(attributes.tags);
  });

  it.each(KEYS)('what the SDK puts at %s, the adapter reads alike', async (key) => {
    const body = bytesOf(2, 4000);
    const put = await blobOf(key).upload(body, body.length, {
      metadata: { Plain: 'one', with_underscore: 'two' },
      tags: { project: 'x', 'a b': 'c/d=e+f', empty: '' },
      tier: 'Cold',
      blobHTTPHeaders: { blobContentType: 'text/x', blobContentLanguage: 'de' },
    });
    const { head, body: bytes } = await backend.get(azurite.call(), { container, key });
    expect((await collect(bytes)).equals(body)).toBe(true);
    expect(`"${head.token}"`).toBe(put.etag);
    expect(head.md5).toBe(Buffer.from(put.contentMD5 ?? []).toString('hex'));
    expect(head.headers).toEqual({ contentType: 'text/x', contentLanguage: 'de' });
    expect(head.metadata).toEqual({ plain: 'one', with_underscore: 'two' });
    const asked = await backend.head(azurite.call(), { container, key, withTags: true });
    expect(asked).toMatchObject({ storageClass: 'Cold', tags: { project: 'x', 'a b': 'c/d=e+f', empty: '' } });
    expect(asked.writeId).toBeUndefined();
    expect(await backend.delete(azurite.call(), { container, key, token: head.token })).toBe('deleted');
    expect(await blobOf(key).exists()).toBe(false);
  });

  it('what the adapter puts in blocks, and what it copies, the SDK reads whole', async () => {
    const body = bytesOf(3, BIG);
    async function* stream(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < BIG; at += 100_000) yield body.subarray(at, at + 100_000);
    }
    const { token } = await backend.put(azurite.call(), { container, key: 'big', body: stream(), attributes: RICH });
    expect((await blobOf('big').downloadToBuffer()).equals(body)).toBe(true);
    const source = { container, key: 'big', token };
    await backend.copy(azurite.call(), {
      source,
      container,
      key: 'copied',
      attributes: { ...PLAIN, storageClass: 'Cool' },
    });
    expect((await blobOf('copied').downloadToBuffer()).equals(body)).toBe(true);
    const seen = await blobOf('copied').getProperties();
    expect(seen.metadata).toEqual({});
    expect(seen.accessTier).toBe('Cool');
  });

  it('headers and tags that Azure has no place for are kept all the same', async () => {
    const attributes = {
      ...PLAIN,
      headers: {
        contentDisposition: 'attachment; filename="grün 😀"',
        expires: '0',
        cacheControl: '',
        contentType: 'a/b',
      },
      tags: { übrig: 'wärme', plain: 'ASCII', 'semi;colon': '' },
    };
    const written = await backend.put(azurite.call(), {
      container,
      key: 'odd',
      body: bytesOf(4, 9),
      size: 9,
      attributes,
    });
    expectAttributes(await backend.head(azurite.call(), { container, key: 'odd', withTags: true }), attributes);
    expect((await blobOf('odd').getTags()).tags).toEqual({ plain: 'ASCII' });
    const ref = { container, key: 'odd', token: written.token };
    const restamped = { ...attributes, tags: { rest: 'Öl' }, headers: {} };
    await backend.restamp(azurite.call(), ref, restamped);
    expectAttributes(await backend.head(azurite.call(), { container, key: 'odd', withTags: true }), restamped);
  });
});
