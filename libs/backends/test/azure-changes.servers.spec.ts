import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openBackend } from '../src/index.js';
import type { ObjectAttributes, ObjectBackend, WriteResult } from '../src/index.js';
import { CutLine } from './azure-cut-line.js';
import { azureDefinition, describeOnAzurite, PLAIN } from './azure-server.js';
import { expectAttributes, RICH } from './conformance/attributes.js';
import { bytesOf, collect } from './conformance/bytes.js';
import { failure } from './conformance/stage.js';

const OLD: ObjectAttributes = { ...PLAIN, metadata: { a: '1' }, tags: { old: 'tag' }, writeId: 'old-write' };

describeOnAzurite('changes to blobs', (azurite) => {
  let backend: ObjectBackend;
  let container: string;
  beforeAll(async () => {
    backend = await azurite.open();
    container = await azurite.container();
  });
  const put = (key: string, attributes = OLD, seed = 1): Promise<WriteResult> =>
    backend.put(azurite.call(), { container, key, body: bytesOf(seed, 50), size: 50, attributes });
  const head = (key: string) => backend.head(azurite.call(), { container, key, withTags: true });

  describe('a restamp', () => {
    it.each(['Hot', 'Cool', 'Cold', 'Archive'])(
      'to %s changes tier and attributes, and keeps the MD5',
      async (tier) => {
        const before = await put(`to-${tier}`);
        const attributes = { ...RICH, storageClass: tier };
        const ref = { container, key: `to-${tier}`, token: before.token };
        const after = await backend.restamp(azurite.call(), ref, attributes);
        expect(after).toMatchObject({ size: 50, md5: before.md5, storageClass: tier });
        const seen = await head(`to-${tier}`);
        expect(seen).toMatchObject({ token: after.token, md5: before.md5, archived: tier === 'Archive' });
        expectAttributes(seen, attributes);
      },
    );

    it('to nothing at all leaves nothing', async () => {
      const { token } = await put('bare', RICH);
      await backend.restamp(azurite.call(), { container, key: 'bare', token }, PLAIN);
      expectAttributes(await head('bare'), PLAIN);
      const [entry] = await azurite.everything(backend, container, 'bare');
      expect(entry).toMatchObject({ kind: 'object', size: 50 });
    });

    it('leaves no lease behind, whether it succeeds or not', async () => {
      const { token } = await put('leases');
      const ref = { container, key: 'leases', token };
      const { token: now } = await backend.restamp(azurite.call(), ref, RICH);
      await failure(backend.restamp(azurite.call(), ref, PLAIN), 'precondition');
      const tooMuch = { ...PLAIN, metadata: { big: 'x'.repeat(10_000) }, tags: { a: 'b' } };
      await failure(backend.restamp(azurite.call(), { ...ref, token: now }, tooMuch), 'invalid');
      const blob = azurite.service.getContainerClient(container).getBlobClient('leases');
      expect((await blob.getProperties()).leaseState).toBe('available');
    });

    it('never puts tags or tier on a write that came between', async () => {
      for (let round = 0; round < 20; round++) {
        const key = `raced-${round}`;
        const { token } = await put(key);
        const restamp = backend.restamp(azurite.call(), { container, key, token }, { ...RICH, storageClass: 'Cool' });
        const other = put(key, { ...PLAIN, tags: { other: 'write' }, writeId: 'other' }, 2);
        const [changed, written] = await Promise.allSettled([restamp, other]);
        if (changed.status === 'rejected') await failure(restamp, 'precondition', 'throttled');
        if (written.status === 'rejected') await failure(other, 'throttled');
        const seen = await head(key);
        if (seen.writeId === 'other') expect(seen).toMatchObject({ tags: { other: 'write' }, storageClass: 'Hot' });
        else expect(seen).toMatchObject({ writeId: RICH.writeId, tags: RICH.tags, storageClass: 'Cool' });
        expect([changed.status, written.status]).toContain('fulfilled');
      }
    });

    describe('that is cut off', () => {
      let line: CutLine;
      beforeAll(async () => {
        line = await CutLine.to(azurite.server);
      });
      afterAll(() => line.close());

      it.each(['tags', 'tier', 'metadata'])('before its %s shows the old write id under a new token', async (step) => {
        line.cut(new RegExp(`comp=${step}$`));
        const key = `cut-${step}`;
        const before = await put(key);
        const ref = { container, key, token: before.token };
        await failure(line.backend.restamp(azurite.call(), ref, { ...RICH, storageClass: 'Cool' }), 'unavailable');
        const seen = await backend.head(azurite.call(), { container, key });
        expect(seen.writeId).toBe('old-write');
        expect(seen.token).not.toBe(before.token);
        // What it left can be finished from there.
        const again = await line.backend.restamp(
          azurite.call(),
          { ...ref, token: seen.token },
          { ...RICH, storageClass: 'Cool' },
        );
        expectAttributes(await head(key), { ...RICH, storageClass: 'Cool' });
        expect((await head(key)).token).toBe(again.token);
      });
    });
  });

  it('a copy onto itself takes other attributes and is a new write', async () => {
    const { token, md5 } = await put('itself');
    const source = { container, key: 'itself', token };
    const copied = await backend.copy(azurite.call(), { source, container, key: 'itself', attributes: RICH });
    expect(copied.token).not.toBe(token);
    const seen = await head('itself');
    expectAttributes(seen, RICH);
    expect(seen.md5).toBe(md5);
  });

  it('a copy that is cut off before it is committed leaves no block at its key', async () => {
    const { token } = await put('uncut');
    const line = await CutLine.to(azurite.server);
    line.cut(/cut-copy.*comp=blocklist$/);
    const source = { container, key: 'uncut', token };
    const copy = { source, container, key: 'cut-copy', attributes: PLAIN };
    await failure(line.backend.copy(azurite.call(), copy), 'unavailable');
    expect(await azurite.everything(backend, container, 'cut-copy')).toEqual([]);
    await line.backend.copy(azurite.call(), copy);
    expect(await azurite.everything(backend, container, 'cut-copy')).toHaveLength(1);
    await line.close();
  });

  it('copies of one key at once are each whole, and leave no blocks', async () => {
    const seeds = [21, 22, 23, 24];
    const sources = await Promise.all(seeds.map((seed) => put(`source-${seed}`, { ...OLD, writeId: `${seed}` }, seed)));
    for (let round = 0; round < 5; round++) {
      const copies = sources.map(({ token }, index) => {
        const source = { container, key: `source-${seeds[index] ?? 0}`, token };
        const attributes = { ...PLAIN, writeId: `${seeds[index] ?? 0}` };
        return backend.copy(azurite.call(), { source, container, key: 'target', attributes });
      });
      await Promise.all(copies);
      const answer = await backend.get(azurite.call(), { container, key: 'target' });
      expect((await collect(answer.body)).equals(bytesOf(Number(answer.head.writeId), 50))).toBe(true);
      expect(await backend.delete(azurite.call(), { container, key: 'target', token: answer.head.token })).toBe(
        'deleted',
      );
    }
    expect(await azurite.everything(backend, container, 'target')).toEqual([]);
  });

  it('snapshots show in everything, keep the container, and go by their own token or with their blob', async () => {
    const own = await azurite.container();
    const putOwn = { container: own, key: 'k', body: bytesOf(1, 9), size: 9, attributes: PLAIN };
    const first = await backend.put(azurite.call(), putOwn);
    const blob = azurite.service.getContainerClient(own).getBlockBlobClient('k');
    await blob.createSnapshot();
    const [standing, snapshot] = await azurite.everything(backend, own);
    expect(standing).toMatchObject({ kind: 'object', token: first.token });
    expect(snapshot).toMatchObject({ kind: 'noncurrent', key: 'k', size: 9 });
    const ref = { container: own, key: 'k', token: snapshot?.token ?? '' };
    expect(await backend.delete(azurite.call(), ref)).toBe('deleted');
    expect(await backend.delete(azurite.call(), ref)).toBe('absent');
    expect(await azurite.everything(backend, own)).toHaveLength(1);
    await blob.createSnapshot();
    await failure(backend.deleteContainer(azurite.call(), own), 'conflict');
    expect(await backend.delete(azurite.call(), { ...ref, token: first.token })).toBe('deleted');
    await backend.deleteContainer(azurite.call(), own);
  });

  it.each(['*', '"*"', '', 'no token', '0x8D0"'])(
    'the token %j names no write, whatever stands there',
    async (token) => {
      await put('guarded');
      expect(await backend.delete(azurite.call(), { container, key: 'guarded', token })).toBe('absent');
      await failure(backend.get(azurite.call(), { container, key: 'guarded', token }), 'precondition');
      expect((await head('guarded')).writeId).toBe('old-write');
    },
  );

  it.each(['spumoni-write', 'spumoni-tags', 'spumoni-header-expires'])(
    'the metadata name %s is refused',
    async (name) => {
      await failure(put('reserved', { ...PLAIN, metadata: { [name]: 'x' } }), 'invalid');
    },
  );

  it('a container in another region than the account is invalid', async () => {
    const request = { container: 'elsewhere', region: 'westeurope' };
    await failure(backend.createContainer(azurite.call(), request), 'invalid');
    const here = await openBackend({ ...azureDefinition(azurite.server), region: 'westeurope' });
    expect(await here.createContainer(azurite.call(), request)).toMatchObject({ region: 'westeurope', tokens: 'etag' });
    await here.deleteContainer(azurite.call(), 'elsewhere');
    await here.close();
  });

  it('a probe finds every tier, and leaves nothing', async () => {
    expect(await backend.probe(azurite.call(), 'probing')).toEqual(backend.capabilities);
    const left = (await backend.listContainers(azurite.call())).filter(({ name }) => name.startsWith('probing'));
    expect(left).toEqual([]);
  });
});
