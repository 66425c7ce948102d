import { describe, expect, it } from '@jest/globals';
import { BackendError, TOKEN_KINDS } from '#libs/backends';
import fc from 'fast-check';
import { createBucket, deleteBucket, MARKER_KEY, reconcileBucket } from '../src/index.js';
import { read } from './simulation/clients.js';
import { KeptReports, putOutside } from './simulation/outside.js';
import { ACTOR, holdings, sweepAll } from './simulation/platform.js';
import { Stand, step } from './simulation/restored-bucket.js';

/** From where to where: every kind of token on both sides. */
const WAYS = TOKEN_KINDS.flatMap((from, at) => [
  [from, from] as const,
  [from, TOKEN_KINDS[(at + 1) % TOKEN_KINDS.length] ?? from] as const,
]);

describe.each(WAYS)('a bucket that was migrated after the backup, from tokens %s to %s', (from, to) => {
  it('is found where it went, with all that was acknowledged before, during and after, and nothing of it goes later', async () => {
    const steps = fc.array(step, { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(steps, steps, steps, fc.boolean(), async (before, during, after, andBack) => {
        const stand = await Stand.on(from, { m2: to });
        // By its marker it is known, later, that the endpoint leads to the right place.
        await createBucket(stand.platform.engine, ACTOR, { name: 'neighbour', backend: 'm1' });
        await stand.take(before);
        await stand.backUp();
        await stand.take(during);
        await stand.migrate('m1', 'm2');
        await stand.take(after);
        if (andBack) await stand.migrate('m2', 'm1');
        await sweepAll(stand.platform, stand.bucket.id);
        await stand.restore();
        await stand.reconcile();
        expect(await stand.contents()).toEqual(new Map([...stand.told].sort()));
        const { containers, home } = await stand.newest();
        expect(containers.map(({ backend }) => backend)).toEqual([andBack ? 'm1' : 'm2']);
        expect(home).toBe(andBack ? 'm1' : 'm2');
        await stand.put('a');
        await sweepAll(stand.platform, stand.bucket.id);
        await stand.reconcile();
        await sweepAll(stand.platform, stand.bucket.id);
        expect(await stand.contents()).toEqual(new Map([...stand.told].sort()));
        const place = `${home}/${containers[0]?.container ?? ''}`;
        const held = [`${place}/`, ...[MARKER_KEY, ...stand.told.keys()].map((key) => `${place}/${key}`)];
        expect(await holdings(stand.platform)).toEqual([...held, 'm1/neighbour/', `m1/neighbour/${MARKER_KEY}`].sort());
      }),
      { numRuns: 20 },
    );
  });
});

describe('recovering a bucket that was migrated after the backup', () => {
  /** Objects `a` and `b`, backed up, then migrated to `m2`, where `b` was deleted. */
  const migrated = async (): Promise<Stand> => {
    const stand = await Stand.on('version', { m2: 'version' });
    for (const key of ['a', 'b']) await stand.put(key);
    await stand.backUp();
    await stand.migrate('m1', 'm2');
    await stand.remove('b');
    await sweepAll(stand.platform, stand.bucket.id);
    return stand;
  };

  it('keeps the record of what was found nowhere, marked as missing, where nothing tells that the endpoint of the old place is the right one', async () => {
    const stand = await migrated();
    await stand.restore();
    expect((await stand.reconcile())?.counts).toEqual({ changed: 1 });
    const documents = new Map((await stand.documents()).map(({ key, document }) => [key, document]));
    expect(documents.get('b')?.current?.missing).toBe(true);
    expect(await read(stand.platform, await stand.newest(), 'a')).toBe(stand.told.get('a'));
    const { containers, home } = await stand.newest();
    expect(containers.map(({ backend }) => backend)).toEqual(['m1', 'm2']);
    expect(home).toBe('m2');
    await stand.put('c');
  });

  it('takes in no copy of a container, nor one of another deployment', async () => {
    const stand = await migrated();
    const { engine, backends } = stand.platform;
    const m2 = backends['m2'];
    if (!m2) throw new Error('no backend');
    const [there] = (await stand.newest()).containers;
    const place = { container: there?.container ?? '', key: MARKER_KEY };
    const { body } = await m2.get(ACTOR, place);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    const marker = JSON.parse(Buffer.concat(chunks).toString()) as object;
    for (const [container, text] of Object.entries({
      copy: JSON.stringify(marker),
      earlier: JSON.stringify({ ...marker, backend: undefined, container: undefined }),
      strange: JSON.stringify({ ...marker, deployment: 'another', container: 'strange' }),
    })) {
      await m2.createContainer(ACTOR, { container });
      await putOutside(m2, container, { key: MARKER_KEY, bytes: text });
      await putOutside(m2, container, { key: 'x', bytes: 'nobody put this' });
    }
    await stand.restore();
    await stand.reconcile();
    expect((await stand.newest()).containers.map(({ container }) => container)).toEqual(['bucket', 'bucket']);
    expect(await engine.index.getKey({ bucket: stand.bucket.id, key: 'x' })).toBeUndefined();
  });

  it('waits for a backend that cannot be asked, and the bucket is not deleted meanwhile', async () => {
    const stand = await migrated();
    await stand.restore();
    const { engine } = stand.platform;
    const { open } = engine.backends;
    const away = (): Promise<never> => Promise.reject(new BackendError('unavailable', 'm2 is away', { backend: 'm2' }));
    const without = async (id: string) => {
      const backend = await open(id);
      return id === 'm2' ? Object.assign(Object.create(backend) as typeof backend, { listContainers: away }) : backend;
    };
    Object.assign(engine.backends, { open: without });
    const { id: bucketId } = stand.bucket;
    const work = { bucketId, parallel: 1, reporter: new KeptReports() };
    await expect(reconcileBucket(engine, ACTOR, work)).rejects.toMatchObject({ code: 'backend-unavailable' });
    await expect(deleteBucket(engine, ACTOR, bucketId)).rejects.toMatchObject({ code: 'backend-unavailable' });
    Object.assign(engine.backends, { open });
    await expect(deleteBucket(engine, ACTOR, bucketId)).rejects.toMatchObject({ code: 'bucket-recovering' });
    await stand.reconcile();
    expect(await read(stand.platform, await stand.newest(), 'a')).toBe(stand.told.get('a'));
  });
});
