import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Storage } from '@google-cloud/storage';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { findServer, gaps, startFakeGcs } from '../../../test/servers/index.js';
import { openGcs } from '../src/gcs/index.js';
import type { BackendErrorKind, ObjectBackend } from '../src/index.js';
import { expectAttributes, RICH } from './conformance/attributes.js';
import { bytesOf, collect, streamOf } from './conformance/bytes.js';
import { describeConformance } from './conformance/index.js';
import { failure, PLAIN, Stage } from './conformance/stage.js';
import { definitionOf, listen, readAll } from './gcs-loopback.js';

const installed = findServer('fake-gcs-server') !== undefined;
const absent = installed ? '' : ' [skipped: fake-gcs-server is not installed]';
const CHUNK = 256 * 1024;
const call = { requestId: 'test' };

/** What the emulator's own gap says, so that a skip never names one that was made up. */
function gapOf(id: string): string {
  const found = gaps.find((gap) => gap.id === id);
  if (!found) throw new Error(`no such gap: ${id}`);
  return `${found.server} ${found.gap}`;
}

if (installed)
  describeConformance('GCS on fake-gcs-server', {
    async open() {
      const server = await startFakeGcs();
      const backend = openGcs(definitionOf(server.endpoint));
      const close = async (): Promise<void> => {
        await backend.close();
        await server.stop();
      };
      return { backend, close };
    },
    gaps: [
      // GCS lists no unfinished resumable uploads: there is nothing that the port could show or forget.
      { case: 'listing/uploads', reason: 'GCS has no listing of resumable uploads; they end by themselves' },
      { case: 'restamp/attributes', reason: gapOf('fake-gcs-server/rewrite-inherits') },
      {
        case: 'copy/attributes',
        reason: 'fake-gcs-server a rewrite inherits from the source what its body leaves out',
      },
    ],
  });

(installed ? describe : describe.skip)(`GCS, beyond the port's promises${absent}`, () => {
  let server: Awaited<ReturnType<typeof startFakeGcs>>;
  let backend: ObjectBackend;
  let sdk: Storage;
  const container = Stage.containerName();
  const put = (key: string, body: Uint8Array, attributes = PLAIN) =>
    backend.put(call, { container, key, body, attributes });
  const get = async (key: string, more: { token?: string; range?: { start: number; end: number } } = {}) => {
    const { head, body } = await backend.get(call, { container, key, ...more });
    return { head, bytes: await collect(body) };
  };

  beforeAll(async () => {
    server = await startFakeGcs();
    backend = openGcs(definitionOf(server.endpoint, { options: { chunkBytes: CHUNK } }));
    const { Storage } = await import('@google-cloud/storage');
    sdk = new Storage({
      apiEndpoint: server.endpoint,
      projectId: 'spumoni-test',
      retryOptions: { autoRetry: false, maxRetries: 0 },
    });
    await backend.createContainer(call, { container });
  });
  afterAll(async () => {
    await backend.close();
    await server.stop();
  });

  describe('beside the vendor’s SDK', () => {
    it('reads objects that the SDK wrote as the SDK reads them', async () => {
      for (const resumable of [false, true]) {
        const key = `sdk/wrote ü ${resumable}`;
        const bytes = bytesOf(1, 300_000);
        const file = sdk.bucket(container).file(key);
        const metadata = {
          contentType: 'text/x-sdk',
          cacheControl: 'no-cache',
          metadata: { color: 'green', dash: 'a-b' },
        };
        await file.save(Buffer.from(bytes), { resumable, metadata });
        const [told] = await file.getMetadata();
        const { head, bytes: read } = await get(key);
        expect(read.equals(bytes)).toBe(true);
        expect(head).toMatchObject({ token: String(told.generation), size: 300_000, metadata: metadata.metadata });
        expect(head.headers).toEqual({ contentType: told.contentType, cacheControl: 'no-cache' });
        expect(head.md5).toBe(createHash('md5').update(bytes).digest('hex'));
      }
    });

    it('writes objects that the SDK reads, and checks, as they were meant', async () => {
      const attributes = { ...RICH, storageClass: 'COLDLINE', metadata: { ascii: 'plain', other: 'ünï' } };
      const bytes = bytesOf(2, 700_000);
      for (const body of [bytes, streamOf(2, 700_000)]) {
        const written = await backend.put(call, { container, key: 'for the/sdk', body, attributes });
        const file = sdk.bucket(container).file('for the/sdk');
        const [content] = await file.download({ validation: 'crc32c' });
        expect(content.equals(bytes)).toBe(true);
        const [told] = await file.getMetadata();
        const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage } = RICH.headers;
        const headers = { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage };
        expect(told).toMatchObject({ ...headers, storageClass: 'COLDLINE', generation: written.token });
        expect(told.metadata).toMatchObject({ ascii: 'plain', 'spumoni-write': RICH.writeId });
      }
    });

    it('shows one listing, one set of containers and one end of them', async () => {
      const name = Stage.containerName();
      await sdk.createBucket(name);
      expect(await backend.inspectContainer(call, name)).toMatchObject({ name, tokens: 'generation' });
      for (const key of ['b', 'a/x', 'ü', 'a'])
        await backend.put(call, { container: name, key, body: bytesOf(3, 3), attributes: PLAIN });
      const [files] = await sdk.bucket(name).getFiles();
      const page = await backend.list(call, { container: name, include: 'everything', limit: 1000 });
      expect(page.entries.map(({ key, token }) => [key, token])).toEqual(
        files.map((file) => [file.name, String(file.metadata.generation)]),
      );
      for (const { key, token } of page.entries)
        expect(await backend.delete(call, { container: name, key, token })).toBe('deleted');
      await backend.deleteContainer(call, name);
      expect(await sdk.bucket(name).exists()).toEqual([false]);
    });
  });

  describe('objects stored with an encoding', () => {
    const text = Buffer.from('the same line again and again\n'.repeat(5000));
    const zipped = gzipSync(text);

    it('come as they are stored, whole and in ranges, whoever stored them', async () => {
      await put('ours.gz', zipped, { ...PLAIN, headers: { contentEncoding: 'gzip', contentType: 'text/plain' } });
      await sdk.bucket(container).file('theirs.gz').save(text, { gzip: true, resumable: false });
      for (const key of ['ours.gz', 'theirs.gz']) {
        const { head, bytes } = await get(key);
        expect(head.headers.contentEncoding).toBe('gzip');
        expect(bytes.length).toBe(head.size);
        expect(bytes.length).toBeLessThan(text.length);
        expect(gunzipSync(bytes).equals(text)).toBe(true);
        const { bytes: part } = await get(key, { token: head.token, range: { start: 3, end: 40 } });
        expect(part.equals(bytes.subarray(3, 41))).toBe(true);
      }
    });
  });

  describe('bodies of unknown length', () => {
    it('are stored exactly around every boundary of a chunk, however the stream is cut', async () => {
      const size = fc
        .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -1, max: 1 }))
        .map(([n, d]) => Math.max(0, n * CHUNK + d));
      const cuts = fc.array(fc.constantFrom(1, 1000, 65_536, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK), {
        minLength: 1,
        maxLength: 4,
      });
      await fc.assert(
        fc.asyncProperty(size, cuts, async (length, sizes) => {
          const bytes = bytesOf(5, length);
          async function* body(): AsyncGenerator<Uint8Array> {
            // Single bytes only at the beginning, else a run would take minutes.
            for (let at = 0, turn = 0; at < length; turn++) {
              const cut = Math.max(sizes[turn % sizes.length] ?? 1, turn > 20 ? 65_536 : 1);
              yield await Promise.resolve(bytes.subarray(at, at + cut));
              at += cut;
            }
          }
          const written = await backend.put(call, { container, key: 'cut', body: body(), attributes: RICH });
          expect(written).toMatchObject({ size: length, md5: createHash('md5').update(bytes).digest('hex') });
          const { head, bytes: read } = await get('cut', { token: written.token });
          expect(read.equals(bytes)).toBe(true);
          expectAttributes(head, RICH);
        }),
        {
          numRuns: 40,
          examples: [
            [0, [1]],
            [CHUNK, [CHUNK]],
            [4 * CHUNK, [CHUNK + 1]],
            [CHUNK - 1, [1]],
            [CHUNK + 1, [3 * CHUNK]],
          ],
        },
      );
    }, 60_000);
  });

  describe('copies and changes where the emulator keeps what is asked', () => {
    it('give a copy all the attributes it names, in place of the source’s', async () => {
      const { token } = await put('source', bytesOf(6, 5000), RICH);
      const headers = { ...RICH.headers, cacheControl: 'no-store', contentType: 'text/other' };
      const other = { headers, metadata: { only: 'this' }, tags: { one: 'tag' }, writeId: 'copy-1' };
      const source = { container, key: 'source', token };
      const copied = await backend.copy(call, { source, container, key: 'copy', attributes: other });
      expect(copied.token).not.toBe(token);
      expectAttributes(
        await backend.head(call, { container, key: 'copy', token: copied.token, withTags: true }),
        other,
      );
      expectAttributes(await backend.head(call, { container, key: 'source', token, withTags: true }), RICH);
    });

    it('make a new write of one whose metadata changes, so that no two writes share a token', async () => {
      const { token } = await put('restamped', bytesOf(7, 5000), {
        ...PLAIN,
        metadata: { plain: 'before' },
        writeId: 'first',
      });
      const after = await backend.restamp(call, { container, key: 'restamped', token }, RICH);
      expect(after.token).not.toBe(token);
      await failure(backend.head(call, { container, key: 'restamped', token }), 'not-found');
      const now = { container, key: 'restamped', token: after.token, withTags: true };
      expectAttributes(await backend.head(call, now), RICH);
      expect((await get('restamped', { token: after.token })).bytes.equals(bytesOf(7, 5000))).toBe(true);
    });

    it('make a new write of one whose class changes', async () => {
      const { token } = await put('reclassed', bytesOf(8, 5000), RICH);
      const attributes = { ...RICH, storageClass: 'NEARLINE' };
      const after = await backend.restamp(call, { container, key: 'reclassed', token }, attributes);
      expect(after.token).not.toBe(token);
      await failure(backend.head(call, { container, key: 'reclassed', token }), 'not-found');
      expectAttributes(
        await backend.head(call, { container, key: 'reclassed', token: after.token, withTags: true }),
        RICH,
      );
      // That the class is the one asked for is what this emulator cannot show (its gap rewrite-class).
    });
  });

  it('serves more readers than it has connections, though each takes two requests', async () => {
    const narrow = openGcs(definitionOf(server.endpoint, { options: { connections: 1 } }));
    try {
      const bytes = bytesOf(10, 2_000_000);
      const { token } = await put('narrow', bytes);
      const read = async (): Promise<boolean> => {
        const { body } = await narrow.get(call, { container, key: 'narrow', token });
        return (await collect(body)).equals(bytes);
      };
      expect(await Promise.all(Array.from({ length: 12 }, read))).toEqual(Array.from({ length: 12 }, () => true));
    } finally {
      await narrow.close();
    }
  });

  describe('real refusals', () => {
    const attributes = PLAIN;
    const refusals: [title: string, attempt: () => Promise<unknown>, kind: BackendErrorKind][] = [
      ['a container that exists', () => backend.createContainer(call, { container }), 'conflict'],
      ['an absent container', () => backend.inspectContainer(call, 'spumoni-never-there'), 'not-found'],
      [
        'an absent container’s listing',
        () => backend.list(call, { container: 'spumoni-never-there', include: 'current', limit: 1 }),
        'not-found',
      ],
      [
        'a write into an absent container',
        () => backend.put(call, { container: 'spumoni-never-there', key: 'k', body: bytesOf(9, 9), attributes }),
        'not-found',
      ],
      ['an absent object', () => backend.get(call, { container, key: 'never' }), 'not-found'],
      ['an absent generation', () => backend.get(call, { container, key: 'never', token: '17' }), 'not-found'],
      [
        'an unmet condition',
        () =>
          backend.put(call, { container, key: 'never', body: bytesOf(9, 9), attributes, condition: { ifToken: '17' } }),
        'precondition',
      ],
      [
        'a copy into an absent container',
        async () => {
          const source = { container, key: 'k', token: (await put('k', bytesOf(9, 9))).token };
          return backend.copy(call, { source, container: 'spumoni-never-there', key: 'k', attributes });
        },
        'not-found',
      ],
    ];
    it.each(refusals)('%s', async (_, attempt, kind) => {
      await failure(attempt(), kind);
    });

    it('damage on the way is refused by the server, and nothing is stored', async () => {
      // Turns one byte of an upload, as a broken network card would.
      const damaging = await listen(async (incoming, answer) => {
        const sent = (await readAll(incoming)).toString('latin1').replace('damaged', 'demaged');
        const headers = { 'content-type': incoming.headers['content-type'] ?? '' };
        const body = Buffer.from(sent, 'latin1');
        const reply = await fetch(server.endpoint + (incoming.url ?? ''), { method: 'POST', headers, body });
        answer.writeHead(reply.status, { 'content-type': 'application/json' }).end(await reply.text());
      });
      const through = openGcs(definitionOf(damaging.origin));
      try {
        const body = Buffer.from('this text is damaged on its way');
        await failure(through.put(call, { container, key: 'damage', body, attributes }), 'integrity');
        await failure(backend.head(call, { container, key: 'damage' }), 'not-found');
      } finally {
        await through.close();
        await damaging.close();
      }
    });

    it('an outage is unavailable, and over when the server is back', async () => {
      await server.kill();
      await failure(backend.head(call, { container, key: 'k' }), 'unavailable');
      await failure(backend.probe(call, 'spumoni-probe'), 'unavailable');
      await server.restart();
      await failure(backend.head(call, { container, key: 'k' }), 'not-found');
    });
  });
});
