import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { BackendError, type TokenKind } from '#libs/backends';
import type { BucketDocument, BucketId } from '#libs/metadata';
import {
  adoptBucket,
  createBucket,
  deleteBucket,
  discoverContainers,
  listObjects,
  MARKER_KEY,
  migrateBucket,
  openObject,
  putObject,
  removeObject,
  requireRecord,
  type CreateBucket,
  type JobEnd,
} from '../src/index.js';
import { listAll, read, write } from './simulation/clients.js';
import { KeptReports, putOutside, seenOutside } from './simulation/outside.js';
import { ACTOR, makePlatform, sweepAll, type Platform } from './simulation/platform.js';

const KINDS = ['version', 'generation', 'etag', 'none'] as const satisfies readonly TokenKind[];
const THERE = new Map([
  ['a.txt', 'alpha'],
  ['dir/', ''],
  ['dir/b.txt', 'beta'],
  ['m/ü😀.txt', 'gamma'],
  ['z.txt', 'omega'],
]);

async function filled(tokens: TokenKind, how: { unversioned?: boolean } = {}): Promise<Platform> {
  const platform = makePlatform({ tokens: { m1: tokens, m2: 'version' } });
  const backend = platform.backends['m1'];
  if (how.unversioned) await backend?.createUnversioned(ACTOR, 'theirs');
  else await backend?.createContainer(ACTOR, { container: 'theirs' });
  for (const [key, bytes] of THERE)
    await putOutside(backend, 'theirs', {
      key,
      bytes,
      attributes: {
        headers: { contentType: 'text/x-own' },
        metadata: { of: 'them' },
        tags: { team: 'red' },
        storageClass: 'COLD',
      },
    });
  return platform;
}

async function adopt(platform: Platform, more: Partial<CreateBucket> = {}): Promise<BucketDocument> {
  const wish = { name: 'ours', backend: 'm1', adopt: { container: 'theirs' }, ...more };
  return (await createBucket(platform.engine, ACTOR, wish)).bucket;
}

function index(platform: Platform, bucketId: BucketId, reporter = new KeptReports()): Promise<JobEnd> {
  const checkpoint = reporter.checkpoint;
  return adoptBucket(platform.engine, ACTOR, {
    bucketId,
    parallel: 4,
    reporter,
    ...(checkpoint ? { checkpoint } : {}),
  });
}

async function newest(platform: Platform, { id }: BucketDocument): Promise<BucketDocument> {
  const found = await platform.index.getBucket(id);
  if (!found) throw new Error('the bucket is gone');
  return found.value;
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'done',
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  );
}

describe.each(KINDS)('taking over a container whose tokens are %s', (tokens) => {
  it('indexes every object as the vendor has it, and moves no byte', async () => {
    const platform = await filled(tokens);
    const bucket = await adopt(platform);
    expect(bucket.containers).toMatchObject([{ container: 'theirs', adopted: true, adopting: true }]);
    platform.vendorCalls.length = 0;
    const reporter = new KeptReports();
    expect(await index(platform, bucket.id, reporter)).toEqual({ state: 'completed' });
    expect(platform.vendorCalls).not.toContain('put');
    const bytes = [...THERE.values()].join('').length;
    expect(reporter.last.counts).toEqual({
      objects: { total: THERE.size, done: THERE.size, failed: 0 },
      bytes: { total: bytes, done: bytes, failed: 0 },
    });
    const after = await newest(platform, bucket);
    expect(after.containers[0]).not.toHaveProperty('adopting');
    const before = platform.vendorCalls.length;
    expect(await listAll(platform, after)).toEqual([...THERE.keys()]);
    expect(platform.vendorCalls.length).toBe(before);
    for (const [key, text] of THERE) {
      const { record } = await openObject(platform.engine, ACTOR, { bucket: after, key });
      expect(await read(platform, after, key)).toBe(text);
      expect(record).toMatchObject({
        size: text.length === 0 ? 0 : Buffer.byteLength(text),
        etag: createHash('md5').update(text).digest('hex'),
        headers: { contentType: 'text/x-own' },
        metadata: { of: 'them' },
        tags: { team: 'red' },
        placement: { container: 'theirs', key, storageClass: 'COLD' },
      });
    }
  });

  it('finds an object at once that no listing shows yet, and lets clients write and delete meanwhile', async () => {
    const platform = await filled(tokens);
    const bucket = await adopt(platform);
    expect((await listObjects(platform.engine, { bucket, maxKeys: 10 })).objects).toEqual([]);
    expect(await read(platform, bucket, 'a.txt')).toBe('alpha');
    expect(await read(platform, bucket, 'no such')).toBeUndefined();
    await write(platform, bucket, 'z.txt', 'rewritten');
    await write(platform, bucket, 'new.txt', 'new');
    expect(await codeOf(requireRecord(platform.engine, bucket, MARKER_KEY))).toBe('no-such-key');
    expect((await removeObject(platform.engine, ACTOR, { bucket, key: 'dir/b.txt' }))?.size).toBe(4);
    const put = putObject(platform.engine, ACTOR, {
      bucket,
      key: 'm/ü😀.txt',
      body: Buffer.from('x'),
      expected: {},
      attributes: { headers: {}, metadata: {}, tags: {} },
      conditions: { ifNoneMatch: ['*'] },
    });
    expect(await codeOf(put)).toBe('precondition-failed');
    expect(await index(platform, bucket.id)).toEqual({ state: 'completed' });
    expect(await sweepAll(platform, bucket.id)).toEqual([]);
    const after = await newest(platform, bucket);
    expect(await listAll(platform, after)).toEqual(['a.txt', 'dir/', 'm/ü😀.txt', 'new.txt', 'z.txt']);
    expect(await read(platform, after, 'z.txt')).toBe('rewritten');
    const outside = await seenOutside(platform.backends['m1'], 'theirs');
    expect(outside.get('z.txt')).toBe('rewritten');
    expect(outside.has('dir/b.txt')).toBe(false);
  });

  it('is detached by deletion: bytes and container stay, the marker goes, and it can be taken over again', async () => {
    const platform = await filled(tokens);
    const bucket = await adopt(platform);
    await index(platform, bucket.id);
    await write(platform, bucket, 'a.txt', 'ours now');
    await deleteBucket(platform.engine, ACTOR, bucket.id);
    expect(platform.rows.size).toBe(0);
    expect(await platform.index.getBucket(bucket.id)).toBeUndefined();
    expect(await seenOutside(platform.backends['m1'], 'theirs')).toEqual(new Map([...THERE, ['a.txt', 'ours now']]));
    const page = await platform.backends['m1']?.list(ACTOR, { container: 'theirs', include: 'everything', limit: 100 });
    expect(page?.entries.map(({ key }) => key)).toEqual([...THERE.keys()]);
    const again = await adopt(platform);
    await index(platform, again.id);
    expect(await read(platform, again, 'a.txt')).toBe('ours now');
  });

  it('goes on where a deletion was interrupted, and never opens a bucket that has begun to forget', async () => {
    const platform = await filled(tokens);
    const bucket = await adopt(platform);
    await index(platform, bucket.id);
    platform.fault = { operation: 'delete', phase: 'before', error: new BackendError('unavailable', 'away') };
    expect(await codeOf(deleteBucket(platform.engine, ACTOR, bucket.id))).toBe('backend-unavailable');
    expect((await newest(platform, bucket)).state).toBe('deleting');
    await deleteBucket(platform.engine, ACTOR, bucket.id);
    expect(await seenOutside(platform.backends['m1'], 'theirs')).toEqual(THERE);
  });
});

describe('a container whose versioning is off, on a backend that has versions', () => {
  it('is refused until the caller says what to do, and nothing is changed', async () => {
    const platform = await filled('version', { unversioned: true });
    expect(await codeOf(adopt(platform))).toBe('versioning-undecided');
    expect(platform.rows.size).toBe(0);
    expect(platform.vendorCalls).not.toContain('put');
  });

  it.each(['enable', 'leave'] as const)('is taken over with versioning "%s"', async (versioning) => {
    const platform = await filled('version', { unversioned: true });
    const bucket = await adopt(platform, { adopt: { container: 'theirs', versioning } });
    expect(bucket.containers[0]?.weak ?? false).toBe(versioning === 'leave');
    await index(platform, bucket.id);
    const after = await newest(platform, bucket);
    await write(platform, after, 'a.txt', 'over it');
    await write(platform, after, 'z.txt', 'over it too');
    expect(await sweepAll(platform, bucket.id)).toEqual([]);
    for (const [key, text] of [...THERE, ['a.txt', 'over it'], ['z.txt', 'over it too']].slice(1, 4)) {
      expect(await read(platform, after, key ?? '')).toBe(text);
    }
    expect(await read(platform, after, 'a.txt')).toBe('over it');
    await deleteBucket(platform.engine, ACTOR, bucket.id);
    expect(await seenOutside(platform.backends['m1'], 'theirs')).toEqual(
      new Map([...THERE, ['a.txt', 'over it'], ['z.txt', 'over it too']]),
    );
  });
});

describe('an adopted bucket that encrypts', () => {
  it('leaves what was there plain, and is not detached while it holds what only its records can open', async () => {
    const platform = await filled('version');
    const bucket = await adopt(platform, { encrypted: true });
    await index(platform, bucket.id);
    const after = await newest(platform, bucket);
    await write(platform, after, 'secret', 'sealed here');
    expect(await read(platform, after, 'secret')).toBe('sealed here');
    expect(await read(platform, after, 'a.txt')).toBe('alpha');
    expect((await seenOutside(platform.backends['m1'], 'theirs')).get('secret')).not.toBe('sealed here');
    expect(await codeOf(deleteBucket(platform.engine, ACTOR, bucket.id))).toBe('bucket-not-empty');
    expect((await newest(platform, bucket)).state).toBe('active');
    await removeObject(platform.engine, ACTOR, { bucket: after, key: 'secret' });
    await deleteBucket(platform.engine, ACTOR, bucket.id);
    expect(await seenOutside(platform.backends['m1'], 'theirs')).toEqual(THERE);
  });
});

describe('a key that is being written while its bucket is adopted', () => {
  it('is not waited for: to others there is nothing yet', async () => {
    const platform = await filled('version');
    const bucket = await adopt(platform);
    const release = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<undefined>();
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a long ');
      begun.resolve(undefined);
      await release.promise;
      yield Buffer.from('upload');
    };
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const at = { bucket, key: 'long', expected: {}, attributes };
    const uploading = putObject(platform.engine, ACTOR, { ...at, body: slow() });
    await begun.promise;
    const { now } = platform.time;
    expect(await read(platform, bucket, 'long')).toBeUndefined();
    expect(platform.time.now).toBe(now);
    release.resolve(undefined);
    await uploading;
    expect(await read(platform, bucket, 'long')).toBe('a long upload');
  });
});

describe('older versions that lay in the container before', () => {
  it('stay, and never come to light when the object is deleted here', async () => {
    const platform = await filled('version');
    await putOutside(platform.backends['m1'], 'theirs', { key: 'a.txt', bytes: 'alpha 2' });
    const bucket = await adopt(platform);
    await index(platform, bucket.id);
    expect(await read(platform, bucket, 'a.txt')).toBe('alpha 2');
    await removeObject(platform.engine, ACTOR, { bucket, key: 'a.txt' });
    await removeObject(platform.engine, ACTOR, { bucket, key: 'z.txt' });
    expect(await sweepAll(platform, bucket.id)).toEqual([]);
    expect([...(await seenOutside(platform.backends['m1'], 'theirs')).keys()]).not.toContain('a.txt');
    expect(await read(platform, bucket, 'a.txt')).toBeUndefined();
    const page = await platform.backends['m1']?.list(ACTOR, { container: 'theirs', include: 'everything', limit: 100 });
    expect(page?.entries.filter(({ key }) => key.endsWith('.txt') && key.length === 5).map(({ kind }) => kind)).toEqual(
      ['delete-marker', 'noncurrent'],
    );
  });
});

describe('what cannot be taken over', () => {
  it('says so, and changes nothing', async () => {
    const platform = await filled('version');
    const wish = { name: 'ours', backend: 'm1' };
    const missing = createBucket(platform.engine, ACTOR, { ...wish, adopt: { container: 'nowhere' } });
    expect(await codeOf(missing)).toBe('unknown-container');
    await adopt(platform, { name: 'first' });
    expect(await codeOf(adopt(platform))).toBe('container-managed');
    expect([...platform.rows.values()].map((row) => row.name)).toEqual(['first']);
    const files = makePlatform({ tokens: { m1: 'id' } });
    await files.backends['m1']?.createContainer(ACTOR, { container: 'theirs' });
    expect(await codeOf(adopt(files))).toBe('adoption-unsupported');
  });

  it("is another deployment's container, or one with a marker that nobody can read", async () => {
    for (const marker of [JSON.stringify({ format: 1, deployment: 'other', bucket: 'b' }), 'no marker']) {
      const platform = await filled('version');
      await putOutside(platform.backends['m1'], 'theirs', { key: MARKER_KEY, bytes: marker });
      expect(await codeOf(adopt(platform))).toBe('container-managed');
      expect(platform.rows.size).toBe(0);
    }
  });

  it('is not what a bucket of this deployment left that is no more: that can be taken over again', async () => {
    const platform = await filled('version');
    const marker = JSON.stringify({ format: 1, deployment: 'd1', bucket: 'gone' });
    await putOutside(platform.backends['m1'], 'theirs', { key: MARKER_KEY, bytes: marker });
    const bucket = await adopt(platform);
    expect(await index(platform, bucket.id)).toEqual({ state: 'completed' });
  });

  it('of two adoptions at once, one', async () => {
    const platform = await filled('generation');
    const both = await Promise.all([
      codeOf(adopt(platform, { name: 'one' })),
      codeOf(adopt(platform, { name: 'two' })),
    ]);
    expect(both.toSorted()).toEqual(['container-managed', 'done']);
    expect(platform.rows.size).toBe(1);
  });
});

describe('the job that indexes', () => {
  it('reports keys that no key of Spumoni can name, and indexes the others', async () => {
    const platform = await filled('version');
    const long = 'k'.repeat(1_100);
    for (const key of ['.spumoni/v/x', '.spumoni/e/%ZZ', long])
      await putOutside(platform.backends['m1'], 'theirs', { key, bytes: 'x' });
    const bucket = await adopt(platform);
    const reporter = new KeptReports();
    expect(await index(platform, bucket.id, reporter)).toEqual({ state: 'completed' });
    expect(reporter.failures.map(({ key }) => key).toSorted()).toEqual(['.spumoni/e/%ZZ', '.spumoni/v/x', long]);
    expect(reporter.last.counts.objects).toEqual({ total: THERE.size + 3, done: THERE.size, failed: 3 });
  });

  it('fails for what could not be looked at now, and a second run finishes it', async () => {
    const platform = await filled('version');
    const bucket = await adopt(platform);
    platform.fault = { operation: 'head', phase: 'before', error: new BackendError('denied', 'not this one') };
    const end = await index(platform, bucket.id);
    expect(end).toMatchObject({ state: 'failed', error: expect.stringContaining('1 objects') as unknown });
    expect((await newest(platform, bucket)).containers[0]?.adopting).toBe(true);
    expect(await index(platform, bucket.id)).toEqual({ state: 'completed' });
    expect(await listAll(platform, await newest(platform, bucket))).toEqual([...THERE.keys()]);
  });

  it('goes on at its checkpoint after a pause, and counts nothing twice', async () => {
    const platform = await filled('version');
    for (let i = 0; i < 1_200; i += 1)
      await putOutside(platform.backends['m1'], 'theirs', { key: `many/${String(i).padStart(5, '0')}`, bytes: 'x' });
    const bucket = await adopt(platform);
    const first = new KeptReports(({ counts }) => (counts.objects.done >= 600 ? 'pause' : 'run'));
    expect(await index(platform, bucket.id, first)).toEqual({ state: 'paused' });
    const second = new KeptReports();
    second.checkpoint = first.checkpoint;
    platform.vendorCalls.length = 0;
    expect(await index(platform, bucket.id, second)).toEqual({ state: 'completed' });
    expect(platform.vendorCalls.filter((call) => call === 'head').length).toBeLessThan(700);
    const total = 1_200 + THERE.size;
    expect(second.last.counts.objects).toEqual({ total, done: total, failed: 0 });
    expect(await listAll(platform, await newest(platform, bucket))).toHaveLength(total);
  });

  it('stops at a container that has lost its marker, and believes nothing of it', async () => {
    const platform = await filled('version');
    const bucket = await adopt(platform);
    const [container] = bucket.containers;
    await platform.backends['m1']?.delete(ACTOR, {
      container: 'theirs',
      key: MARKER_KEY,
      token: container?.marker ?? '',
    });
    const end = await index(platform, bucket.id);
    expect(end).toMatchObject({ state: 'failed', error: expect.stringContaining('marker') as unknown });
    expect(await listAll(platform, bucket)).toEqual([]);
  });

  it('keeps a migration from beginning, which would leave behind what is not indexed', async () => {
    const platform = await filled('version');
    const bucket = await adopt(platform);
    const migrate = (): Promise<JobEnd> =>
      migrateBucket(platform.engine, ACTOR, {
        bucketId: bucket.id,
        from: 'm1',
        to: 'm2',
        parallel: 2,
        reporter: new KeptReports(),
      });
    expect(await codeOf(migrate())).toBe('adoption-unfinished');
    await index(platform, bucket.id);
    expect(await migrate()).toEqual({ state: 'completed' });
  });
});

describe('discovering', () => {
  it('tells whose each container is', async () => {
    const platform = await filled('version');
    const { engine, backends } = platform;
    await createBucket(engine, ACTOR, { name: 'made-here', backend: 'm1' });
    for (const [name, deployment, bucket] of [
      ['another', 'other', 'b'],
      ['orphan', 'd1', 'gone'],
    ] as const) {
      await backends['m1']?.createContainer(ACTOR, { container: name });
      const bytes = JSON.stringify({ format: 1, deployment, bucket });
      await putOutside(backends['m1'], name, { key: MARKER_KEY, bytes });
    }
    const first = await discoverContainers(engine, ACTOR, { backendId: 'm1', limit: 2 });
    const rest = await discoverContainers(engine, ACTOR, { backendId: 'm1', limit: 10, after: first.next ?? '' });
    expect([...first.items, ...rest.items].map(({ name, owner }) => [name, owner])).toEqual([
      ['another', { kind: 'deployment', deployment: 'other' }],
      ['made-here', { kind: 'bucket', bucket: 'made-here' }],
      ['orphan', { kind: 'orphaned' }],
      ['theirs', { kind: 'nobody' }],
    ]);
    expect(rest.next).toBeUndefined();
  });
});
