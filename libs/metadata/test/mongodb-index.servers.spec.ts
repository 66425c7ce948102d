import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MongoClient, type Collection } from 'mongodb';
import { createMongodbIndex, type ObjectIndex } from '#libs/metadata';
import { findServer, startFerretDb, type NoCredentials, type RunningServer } from '../../../test/servers/index.js';
import { idOf } from '../src/object-index/mongodb/addresses.js';
import { keyEntry } from '../src/object-index/mongodb/documents.js';
import { MongodbServer, mongodbName } from './mongodb-server.js';
import { bucketDocument, bucketId, hidden, shown } from './object-index/documents.js';

const BUCKET = bucketId('bucket');
const name = mongodbName();
const free = (expected: number | null) => ({ expected, next: shown(1), requireActive: false });
const conditional = (expected: number | null) => ({ ...free(expected), requireActive: true });

interface Entry {
  readonly _id: string;
  readonly m?: string;
}

describe(`an index on ${name ?? 'MongoDB'}`, () => {
  if (name === undefined) return;
  let server: MongodbServer;
  let client: MongoClient;
  let url: string;
  let index: ObjectIndex;
  const opened: ObjectIndex[] = [];
  beforeAll(async () => {
    server = await MongodbServer.start();
    client = new MongoClient(server.url);
  }, 60_000);
  beforeEach(async () => {
    url = server.newDatabase();
    index = await open('test');
  });
  afterAll(async () => {
    for (const one of opened) await one.close();
    await client.close();
    await server.stop();
  }, 60_000);

  const open = async (deployment: string): Promise<ObjectIndex> => {
    const one = await createMongodbIndex({ url, deployment });
    opened.push(one);
    return one;
  };
  const database = (): string => new URL(url).pathname.slice(1);
  const keys = (): Collection<Entry> => client.db(database()).collection<Entry>('keys');
  /** Past the index, which would take FerretDB a look at the whole collection for each. */
  const fill = async (names: readonly string[]): Promise<void> => {
    const entries = names.map((key) => keyEntry(idOf({ bucket: BUCKET, key }), shown(1)));
    for (let at = 0; at < entries.length; at += 500) await keys().insertMany(entries.slice(at, at + 500));
  };

  it('puts U+FF5E before U+1F600', async () => {
    await fill(['\u{1f600}', '\uff5e', '\uffff', '\u{10000}']);
    const listed = (await index.list(BUCKET, { limit: 10 })).keys.map(({ key }) => key);
    expect(listed).toEqual(['\uff5e', '\uffff', '\u{10000}', '\u{1f600}']);
  });

  it('pages through 2,000 keys, and lists their prefixes by skipping', async () => {
    const names = Array.from(
      { length: 2000 },
      (_, at) => `${String(at % 20).padStart(2, '0')}/${String(at).padStart(4, '0')}`,
    );
    await fill(names);
    const found: string[] = [];
    for (let marker = ''; ;) {
      const page = await index.list(BUCKET, { marker, limit: 700 });
      found.push(...page.keys.map(({ key }) => key));
      if (page.nextMarker === undefined) break;
      marker = page.nextMarker;
    }
    expect(found).toEqual([...names].sort());
    expect((await index.list(BUCKET, { delimiter: '/', limit: 1000 })).commonPrefixes).toHaveLength(20);
  }, 60_000);

  it('refuses what is too large before anything is written', async () => {
    const long = 'k'.repeat(1978 - BUCKET.length - 1);
    expect(await index.changeKey({ bucket: BUCKET, key: long }, free(null))).toBe('changed');
    const tooLarge = { kind: 'too-large' };
    await expect(index.changeKey({ bucket: BUCKET, key: `${long}k` }, free(null))).rejects.toMatchObject(tooLarge);
    const garbage = Array.from({ length: 17 }, () => ({
      placement: { ...shown(1).current?.placement, token: 't'.repeat(1024 * 1024) },
      notBefore: 1,
    }));
    const big = { ...shown(1), garbage } as ReturnType<typeof shown>;
    const change = { expected: null, next: big, requireActive: false };
    await expect(index.changeKey({ bucket: BUCKET, key: 'k' }, change)).rejects.toMatchObject(tooLarge);
    expect((await index.scan(BUCKET, { limit: 10 })).map(({ key }) => key)).toEqual([long]);
  });

  it('makes a database of an earlier format one of this', async () => {
    const meta = client.db(database()).collection<{ _id: string; format?: number }>('meta');
    await meta.updateOne({ _id: 'format' }, { $set: { format: 1 } });
    const again = await open('test');
    expect(await again.ping()).toBe(true);
    await again.close();
    expect(await meta.findOne({ _id: 'format' })).toMatchObject({ format: 2 });
  });

  it('refuses a database of a newer format, and one of another deployment, saying which', async () => {
    await expect(open('other')).rejects.toThrow(/belongs to deployment test, but this one is other/);
    await client
      .db(database())
      .collection<{ _id: string }>('meta')
      .updateOne({ _id: 'format' }, { $set: { format: 3 } });
    await expect(open('test')).rejects.toThrow(/is of format 3, written by a newer Spumoni; this one knows format 2/);
  });

  it('takes a permit that a dead process left for nothing, and away from whoever needs the key', async () => {
    await index.changeBucket(BUCKET, null, bucketDocument(BUCKET));
    await index.changeKey({ bucket: BUCKET, key: 'old' }, { ...free(null), next: hidden(1) });
    await keys().insertOne({ _id: `${BUCKET}\0new`, m: `${BUCKET}\0dead` });
    await keys().updateOne({ _id: `${BUCKET}\0old` }, { $set: { m: `${BUCKET}\0dead` } });
    expect(await index.getKey({ bucket: BUCKET, key: 'new' })).toBeUndefined();
    expect((await index.list(BUCKET, { limit: 9 })).keys).toEqual([]);
    expect((await index.scan(BUCKET, { limit: 9 })).map(({ key }) => key)).toEqual(['old']);
    expect((await index.listPending({ limit: 9 })).map(({ key }) => key)).toEqual(['old']);
    const old = await index.getKey({ bucket: BUCKET, key: 'old' });
    expect(old?.value).toEqual(hidden(1));
    const both = await Promise.all([
      index.changeKey({ bucket: BUCKET, key: 'new' }, conditional(null)),
      index.changeKey({ bucket: BUCKET, key: 'old' }, conditional(old?.version ?? null)),
    ]);
    expect(both).toEqual(['changed', 'changed']);
    expect(await keys().countDocuments({ m: { $exists: true } })).toBe(0);
  });

  it('leaves no permit behind a narrowing, nor a bucket that a permit alone keeps from being removed', async () => {
    await index.changeBucket(BUCKET, null, bucketDocument(BUCKET));
    await keys().insertOne({ _id: `${BUCKET}\0new`, m: `${BUCKET}\0dead` });
    const before = (await index.getBucket(BUCKET))?.version ?? null;
    expect(await index.changeBucket(BUCKET, before, bucketDocument(BUCKET, { state: 'deleting' }))).toBe('changed');
    expect(await keys().countDocuments({})).toBe(0);
    await keys().insertOne({ _id: `${BUCKET}\0new`, m: `${BUCKET}\0dead` });
    const deleting = (await index.getBucket(BUCKET))?.version ?? null;
    expect(await index.changeBucket(BUCKET, deleting, undefined)).toBe('changed');
    expect(await keys().countDocuments({})).toBe(0);
  });

  it('carries on what a process announced before it died', async () => {
    await index.changeBucket(BUCKET, null, bucketDocument(BUCKET));
    const deleting = ['name-bucket', 'deleting', 'owner-1', 1, 'filesystem', 'b-1', null, []];
    const buckets = client.db(database()).collection<{ _id: string }>('buckets');
    const announce = (d: string | null) => buckets.updateOne({ _id: BUCKET }, { $set: { a: { id: 'dead', d } } });
    await announce(null);
    expect(await index.changeKey({ bucket: BUCKET, key: 'k' }, conditional(null))).toBe('changed');
    await announce(JSON.stringify(deleting));
    expect((await index.getBucket(BUCKET))?.value.state).toBe('active');
    expect(await index.changeKey({ bucket: BUCKET, key: 'l' }, conditional(null))).toBe('bucket-not-active');
    expect((await index.getBucket(BUCKET))?.value.state).toBe('deleting');
  });
});

describe('an index on FerretDB that goes away', () => {
  if (!findServer('ferretdb')) return;
  const SECONDS = 1000;
  let server: RunningServer<NoCredentials>;
  let index: ObjectIndex;
  beforeAll(async () => {
    server = await startFerretDb();
    index = await createMongodbIndex({ url: server.endpoint, deployment: 'test' });
  }, 60_000);
  afterAll(async () => {
    await index.close();
    await server.stop();
  });

  const failsWithin = async (ms: number): Promise<void> => {
    const begun = performance.now();
    const unavailable = { kind: 'unavailable' };
    await Promise.all([
      expect(index.getKey({ bucket: BUCKET, key: 'k' })).rejects.toMatchObject(unavailable),
      expect(index.changeKey({ bucket: BUCKET, key: 'l' }, free(null))).rejects.toMatchObject(unavailable),
      expect(index.list(BUCKET, { limit: 1 })).rejects.toMatchObject(unavailable),
    ]);
    expect(await index.ping()).toBe(false);
    expect(performance.now() - begun).toBeLessThan(ms);
  };

  it('fails within seconds while it is dead or stands still, and serves again when it is back', async () => {
    expect(await index.changeKey({ bucket: BUCKET, key: 'k' }, free(null))).toBe('changed');
    await server.kill();
    await failsWithin(40 * SECONDS);
    await server.restart();
    expect((await index.getKey({ bucket: BUCKET, key: 'k' }))?.value).toEqual(shown(1));
    server.pause();
    await failsWithin(60 * SECONDS);
    server.resume();
    expect((await index.getKey({ bucket: BUCKET, key: 'k' }))?.value).toEqual(shown(1));
    expect(await index.ping()).toBe(true);
  }, 180_000);

  it('cannot be opened where nobody answers, and says so without the password', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const address = probe.address();
    probe.close();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const url = `mongodb://me:topsecret@127.0.0.1:${port}/x`;
    const failure: unknown = await createMongodbIndex({ url, deployment: 'test' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'unavailable' });
    expect(String(failure)).not.toContain('topsecret');
  }, 30_000);
});
