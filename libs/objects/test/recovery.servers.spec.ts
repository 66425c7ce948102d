import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createMemoryBackend } from '#libs/backends';
import type { BucketDocument, ObjectRecord } from '#libs/metadata';
import { adoptBucket, createBucket, MARKER_KEY, openObject, putObject, writeSegment } from '../src/index.js';
import { findServer } from '../../../test/servers/index.js';
import { listAll, read } from './simulation/clients.js';
import { KeptReports } from './simulation/outside.js';
import { ACTOR, platformOn, sweepAll, type Platform } from './simulation/platform.js';
import { Stand, type Step } from './simulation/restored-bucket.js';
import { outsideAzure, outsideGcs, outsideS3, type Outside } from './simulation/sdk-clients.js';

const SERVERS = [
  { server: 'minio', start: () => outsideS3('minio') },
  { server: 'azurite', start: outsideAzure },
  { server: 'fake-gcs-server', start: outsideGcs },
] as const;

const put = (key: string): Step => ({ do: 'put', key });
const remove = (key: string): Step => ({ do: 'remove', key });
const BEFORE = ['a', 'b', 'dir/ü 😀+&%'].map(put);
const AFTER: readonly Step[] = [
  ...[put('a'), remove('b'), put('d')],
  { do: 'sweep' },
  ...[put('a'), remove('d'), put('dir/e')],
];
const MIB = 1024 * 1024;
const ATTRIBUTES = { headers: { contentType: 'text/x-own' }, metadata: { by: 'ana' }, tags: { kind: 'photo' } };

/** What memory shows for every kind of token (`recovery.spec.ts`), on the vendors' own emulators. */
describe.each(SERVERS)('a bucket restored from a backup, on $server', ({ server, start }) => {
  if (!findServer(server)) {
    it.skip(`[skipped: ${server} is not installed]`, () => undefined);
    return;
  }
  let outside: Outside;
  let stands = 0;
  beforeAll(async () => {
    outside = await start();
  }, 120_000);
  afterAll(() => outside.stop(), 60_000);

  /** Each a deployment of its own on the same server. */
  function platformHere(deploymentId = `d${(stands += 1)}`): Platform {
    const memory = createMemoryBackend({ name: 'memory', tokens: 'version' });
    const platform = platformOn({ [server]: outside.backend, memory });
    platform.time.now = Date.now();
    Object.assign(platform.engine.settings, { deploymentId });
    return platform;
  }

  const standOn = (home: string): Promise<Stand> => Stand.over(platformHere(), { home, name: `restored-${stands}` });
  const containerOf = (bucket: BucketDocument): string => bucket.containers[0]?.container ?? '';
  const expectTold = async (stand: Stand): Promise<void> =>
    expect(await stand.contents()).toEqual(new Map([...stand.told].sort()));

  it('has all that was acknowledged after the backup, and nothing else is left there', async () => {
    const stand = await standOn(server);
    await stand.take(BEFORE);
    await stand.backUp();
    await stand.take(AFTER);
    await sweepAll(stand.platform, stand.bucket.id);
    await stand.restore();
    expect((await stand.reconcile())?.counts).toEqual({ changed: 1, gone: 1, new: 1 });
    await expectTold(stand);
    expect(await sweepAll(stand.platform, stand.bucket.id)).toEqual([]);
    // Older versions beneath are left to the next ordinary run.
    await stand.reconcile();
    expect(await sweepAll(stand.platform, stand.bucket.id)).toEqual([]);
    await expectTold(stand);
    expect(await outside.keys(containerOf(stand.bucket))).toEqual([MARKER_KEY, ...stand.told.keys()].sort());
  }, 120_000);

  it('loses nothing where the old deployment stopped in the middle of its grace', async () => {
    const stand = await standOn(server);
    await stand.take(BEFORE);
    await stand.backUp();
    await stand.take(AFTER);
    await stand.restore();
    await stand.reconcile();
    await sweepAll(stand.platform, stand.bucket.id);
    const found = await stand.contents();
    for (const [key, text] of stand.told) expect([key, found.get(key)]).toEqual([key, text]);
    for (const key of found.keys()) expect(stand.written).toContain(key);
  }, 120_000);

  it.each([
    ['from there', server, 'memory'],
    ['to there', 'memory', server],
  ])(
    'is found where it went by a migration %s after the backup',
    async (_, from, to) => {
      const stand = await standOn(from);
      // By its marker it is known, later, that the endpoint leads to the right place.
      await createBucket(stand.platform.engine, ACTOR, { name: `neighbour-${stands}`, backend: from });
      await stand.take(BEFORE);
      await stand.backUp();
      await stand.take([put('b')]);
      await stand.migrate(from, to);
      await stand.take(AFTER);
      await sweepAll(stand.platform, stand.bucket.id);
      await stand.restore();
      await stand.reconcile();
      await expectTold(stand);
      const { containers, home } = await stand.newest();
      expect([home, containers.map(({ backend }) => backend)]).toEqual([to, [to]]);
      await stand.put('a');
      await sweepAll(stand.platform, stand.bucket.id);
      await stand.reconcile();
      await expectTold(stand);
    },
    120_000,
  );

  it.each([false, true])(
    'knows all of what was written since, in one request or in several (encrypted: %s)',
    async (encrypted) => {
      const platform = platformHere();
      const wish = { home: server, name: `attributes-${stands}`, encrypted };
      const stand = await Stand.over(platform, wish);
      await stand.backUp();
      const bodies = { sized: randomBytes(1_000), unsized: randomBytes(9 * MIB) };
      for (const [key, bytes] of Object.entries(bodies)) {
        const body = key === 'unsized' ? inPieces(bytes) : bytes;
        const object = { bucket: stand.bucket, key, body, expected: {}, attributes: ATTRIBUTES };
        await putObject(platform.engine, ACTOR, object);
      }
      const before = await recordsOf(stand);
      await stand.restore();
      expect((await stand.reconcile())?.counts).toEqual({ new: 2 });
      expect(await recordsOf(stand)).toEqual(before);
      for (const [key, bytes] of Object.entries(bodies))
        expect(Buffer.compare(await bytesOf(stand, key), bytes)).toBe(0);
    },
    120_000,
  );

  it('rids itself of the parts of uploads that came after the backup, and keeps those of before', async () => {
    const stand = await standOn(server);
    const { platform, bucket } = stand;
    const keepUntil = platform.time.now + 24 * 60 * 60_000;
    const part = (upload: string) =>
      writeSegment(platform.engine, ACTOR, { bucket, upload, body: Buffer.from(upload), keepUntil });
    const before = await part('u1');
    await stand.backUp();
    await part('u2');
    await stand.restore();
    await stand.reconcile();
    platform.time.now += 200_000;
    expect((await stand.reconcile())?.counts).toEqual({ removed: 1 });
    await sweepAll(platform, bucket.id);
    expect(await outside.keys(containerOf(bucket))).toEqual([MARKER_KEY, before.key].sort());
    expect(await listAll(platform, await stand.newest())).toEqual([]);
  }, 120_000);

  it('is made again out of its container alone, where no backup knows it', async () => {
    const before = platformHere();
    // A control plane that is made anew gives other ids.
    await createBucket(before.engine, ACTOR, { name: 'first', backend: 'memory' });
    const lost = await Stand.over(before, { home: server, name: `lost-${stands}` });
    await lost.take(BEFORE);
    await lost.take(AFTER);
    await sweepAll(before, lost.bucket.id);
    const platform = platformHere(before.engine.settings.deploymentId);
    platform.time.now = before.time.now;
    const adopt = { container: containerOf(lost.bucket) };
    const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'found', backend: server, adopt });
    const work = { bucketId: bucket.id, parallel: 4, reporter: new KeptReports() };
    expect(await adoptBucket(platform.engine, ACTOR, work)).toEqual({ state: 'completed' });
    const keys = [...lost.told.keys()].sort();
    expect(await listAll(platform, bucket)).toEqual(keys);
    for (const key of keys) expect(await read(platform, bucket, key)).toBe(lost.told.get(key));
  }, 120_000);
});

/** A body whose length nobody knows. */
function inPieces(bytes: Buffer): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MIB) pieces.push(bytes.subarray(at, at + MIB));
  return Readable.from(pieces);
}

/** What a client sees of each object, and where its bytes are. */
async function recordsOf(stand: Stand): Promise<readonly unknown[]> {
  return (await stand.documents()).map(({ key, document }) => ({ key, seen: seenOf(document.current) }));
}

/** The vendors keep no checksums but their own, none of sealed bytes that came in parts, and not the tier that chose the class; the time is theirs (ADR 14). */
function seenOf(record: ObjectRecord | undefined): unknown {
  if (!record) throw new Error('no record');
  const { size, etag, headers, metadata, tags, ownTier, placement, sealing } = record;
  return { size, etag, headers, metadata, tags, ownTier, placement, sealedWith: sealing?.key };
}

async function bytesOf(stand: Stand, key: string): Promise<Buffer> {
  const { body } = await openObject(stand.platform.engine, ACTOR, { bucket: await stand.newest(), key });
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
