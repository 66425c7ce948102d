import { beforeEach, expect, it } from '@jest/globals';
import type { ObjectBackend } from '../src/index.js';
import { describeOnAzurite, PLAIN } from './azure-server.js';
import { brokenStream, bytesOf, collect, digestOf, digestOfSeed, streamOf } from './conformance/bytes.js';
import { causes, failure } from './conformance/stage.js';

const MIB = 1024 * 1024;
const BLOCK = 256 * 1024;

describeOnAzurite('uploads to Azure over a staging blob', (azurite) => {
  let backend: ObjectBackend;
  let container: string;
  beforeEach(async () => {
    backend = await azurite.open({ blockBytes: BLOCK });
    container = await azurite.container();
  });
  const shown = async (): Promise<string[]> =>
    (await azurite.everything(backend, container)).map(({ kind, key }) => `${kind} ${key}`);

  it('of one key at once never mix, in 10 rounds', async () => {
    for (let round = 0; round < 10; round++) {
      const seeds = [3 * round, 3 * round + 1, 3 * round + 2];
      const written = await Promise.all(
        seeds.map((seed) => {
          const attributes = { ...PLAIN, writeId: `write-${seed}` };
          const body = streamOf(seed, MIB + seed);
          return backend.put(azurite.call(), { container, key: 'contended', body, attributes });
        }),
      );
      const { head, body } = await backend.get(azurite.call(), { container, key: 'contended' });
      const winner = written.findIndex(({ token }) => token === head.token);
      const seed = seeds[winner] ?? Number.NaN;
      expect(head.writeId).toBe(`write-${seed}`);
      expect(await digestOf(body)).toEqual(await digestOfSeed(seed, MIB + seed));
      expect(await shown()).toEqual(['object contended']);
    }
  }, 120_000);

  it('stand beside known lengths at the same key, and one of them wins whole', async () => {
    for (let round = 0; round < 10; round++) {
      const put = { container, key: 'both' };
      const small = backend.put(azurite.call(), { ...put, body: bytesOf(7, 100), size: 100, attributes: PLAIN });
      const large = backend.put(azurite.call(), { ...put, body: streamOf(8, MIB), attributes: PLAIN });
      const tokens = (await Promise.all([small, large])).map(({ token }) => token);
      const { head, body } = await backend.get(azurite.call(), put);
      const expected = head.token === tokens[0] ? await digestOfSeed(7, 100) : await digestOfSeed(8, MIB);
      expect(tokens).toContain(head.token);
      expect(await digestOf(body)).toEqual(expected);
    }
    expect(await shown()).toEqual(['object both']);
  }, 60_000);

  it.each([-1, 1])('of a length %i off are refused and leave nothing', async (off) => {
    const strict = await azurite.open({ blockBytes: BLOCK, singleRequestBytes: 1000 });
    const put = { container, key: 'off', body: streamOf(10, MIB), size: MIB + off, attributes: PLAIN };
    await failure(strict.put(azurite.call(), put), 'invalid');
    expect(await shown()).toEqual([]);
  });

  it('whose body throws leave nothing, and its error is the cause', async () => {
    const error = new Error('the client vanished');
    const body = brokenStream(11, MIB, error);
    const failed = await failure(
      backend.put(azurite.call(), { container, key: 'k', body, attributes: PLAIN }),
      'invalid',
    );
    expect(causes(failed)).toContain(error);
    expect(await shown()).toEqual([]);
  });

  it('that are aborted while their body is silent end at once, leave nothing, and the body is closed when it speaks', async () => {
    const controller = new AbortController();
    const speaks = Promise.withResolvers<undefined>();
    const closed = Promise.withResolvers<undefined>();
    async function* silent(): AsyncGenerator<Uint8Array> {
      try {
        yield* streamOf(12, MIB);
        controller.abort(new Error('given up'));
        await speaks.promise;
        yield bytesOf(12, 10);
      } finally {
        closed.resolve(undefined);
      }
    }
    const call = azurite.call({ signal: controller.signal });
    const put = { container, key: 'k', body: silent(), attributes: PLAIN };
    const failed = await failure(backend.put(call, put), 'timeout');
    expect(causes(failed)).toContain(controller.signal.reason);
    expect(await shown()).toEqual([]);
    speaks.resolve(undefined);
    await closed.promise;
  });

  it('that are aborted at any moment leave nothing but the object that stood', async () => {
    await backend.put(azurite.call(), { container, key: 'k', body: bytesOf(13, 9), size: 9, attributes: PLAIN });
    for (const after of [1, 3, 4, 5, 6, 7, 8]) {
      const controller = new AbortController();
      let blocks = 0;
      async function* counted(): AsyncGenerator<Uint8Array> {
        for (let n = 0; n < 8; n++) {
          if (++blocks === after) setImmediate(() => controller.abort(new Error('given up')));
          yield bytesOf(n, BLOCK);
        }
      }
      const call = azurite.call({ signal: controller.signal });
      const putting = backend.put(call, { container, key: 'k', body: counted(), attributes: PLAIN });
      // The last abortion may come after the write.
      await putting.catch(() => failure(putting, 'timeout'));
      expect(await shown()).toEqual(['object k']);
    }
  }, 60_000);

  it('into a container that is not there are not-found', async () => {
    const put = { container: 'not-there', key: 'k', body: streamOf(14, MIB), attributes: PLAIN };
    const failed = await failure(backend.put(azurite.call(), put), 'not-found');
    expect(failed.vendorCode).toBe('ContainerNotFound');
  });

  it.each([
    ['of a key where something stands', { ifAbsent: true } as const],
    ['against a token that stands no more', { ifToken: '0x8D0' }],
  ])('on a condition, %s, are refused and change nothing', async (_, condition) => {
    await backend.put(azurite.call(), { container, key: 'k', body: bytesOf(15, 9), size: 9, attributes: PLAIN });
    const put = { container, key: 'k', body: streamOf(16, MIB), attributes: PLAIN, condition };
    await failure(backend.put(azurite.call(), put), 'precondition');
    const { body } = await backend.get(azurite.call(), { container, key: 'k' });
    expect((await collect(body)).equals(bytesOf(15, 9))).toBe(true);
    expect(await shown()).toEqual(['object k']);
  });

  it('that a dead process left show under the key they were for, keep the container, and can be removed', async () => {
    const client = azurite.service.getContainerClient(container);
    const key = 'für/日本';
    const staging = client.getBlockBlobClient('.spumoni/staging/0f4e');
    await staging.upload('', 0, { metadata: { spumoni_for: Buffer.from(key).toString('base64url') } });
    await staging.stageBlock(Buffer.from('0001').toString('base64'), 'abc', 3);
    await client.getBlockBlobClient('blocks').stageBlock(Buffer.from('0001').toString('base64'), 'abc', 3);
    expect(await shown()).toEqual(['upload blocks', `upload ${key}`]);
    expect((await azurite.everything(backend, container, 'für/')).map((entry) => entry.key)).toEqual([key]);
    expect(await azurite.everything(backend, container, 'other')).toEqual([]);
    const { entries } = await backend.list(azurite.call(), { container, include: 'current', limit: 10 });
    expect(entries).toEqual([]);
    await failure(backend.deleteContainer(azurite.call(), container), 'conflict');
    for (const { key: left, token } of await azurite.everything(backend, container))
      await backend.abortUpload?.(azurite.call(), container, { key: left, token });
    expect(await shown()).toEqual([]);
    await backend.deleteContainer(azurite.call(), container);
  });

  it('to abort that have been completed meanwhile are left alone', async () => {
    await backend.put(azurite.call(), { container, key: 'k', body: bytesOf(17, 9), size: 9, attributes: PLAIN });
    await backend.abortUpload?.(azurite.call(), container, { key: 'k', token: 'blocks-at-key' });
    expect(await shown()).toEqual(['object k']);
    await failure(
      backend.abortUpload?.(azurite.call(), container, { key: 'k', token: 'k' }) ?? Promise.resolve(),
      'invalid',
    );
  });
});
