import { describe, expect, it } from '@jest/globals';
import { BackendError, TOKEN_KINDS, type TokenKind } from '#libs/backends';
import type { BucketDocument, BucketId } from '#libs/metadata';
import {
  createBucket,
  deleteBucket,
  readSegments,
  writeSegment,
  isObjectsError,
  MARKER_KEY,
  openBucket,
  putObject,
  removeObject,
  type CrashPoint,
  type CreateBucket,
} from '../src/index.js';
import { ACTOR, holdings, makePlatform, sweepAll, type Platform } from './simulation/platform.js';

const WISH: CreateBucket = { name: 'photos', backend: 'm1' };

async function made(platform: Platform): Promise<BucketDocument> {
  return (await createBucket(platform.engine, ACTOR, WISH)).bucket;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (isObjectsError(error)) return error.code;
    throw error;
  }
}

function put(platform: Platform, bucket: BucketDocument, key: string, bytes = 'bytes'): ReturnType<typeof putObject> {
  const attributes = { headers: {}, metadata: {}, tags: {} };
  return putObject(platform.engine, ACTOR, { bucket, key, body: Buffer.from(bytes), expected: {}, attributes });
}

/** A platform whose next arrival at the point never comes back, as in a process that died there; `died` resolves then. */
function mortal(point: CrashPoint, tokens: TokenKind = 'version'): { platform: Platform; died: Promise<void> } {
  let dead = false;
  let tell: () => void = () => undefined;
  const died = new Promise<void>((resolve) => (tell = resolve));
  const reach = (at: CrashPoint): Promise<void> | undefined => {
    if (dead || at !== point) return undefined;
    dead = true;
    tell();
    return new Promise<void>(() => undefined);
  };
  return { platform: makePlatform({ tokens: { m1: tokens }, reach }), died };
}

describe('making a bucket', () => {
  const refusals: readonly (readonly [string, CreateBucket, string])[] = [
    ['a name that breaks the rules', { name: 'Not_Legal', backend: 'm1' }, 'invalid-bucket-name'],
    ['an unknown backend', { name: 'photos', backend: 'm9' }, 'unknown-backend'],
    ['an unknown tier', { name: 'photos', backend: 'm1', policy: 'Wood' }, 'unknown-tier'],
    ['a type that is not the backend’s', { name: 'photos', backend: 'm1', type: 'azure' }, 'type-mismatch'],
    ['neither backend nor policy', { name: 'photos' }, 'invalid-request'],
  ];
  it.each(refusals)('with %s is refused before any vendor call (A2.4, A2.10)', async (_, wish, code) => {
    const platform = makePlatform({ tokens: { m1: 'version' } });
    expect(await codeOf(createBucket(platform.engine, ACTOR, wish))).toBe(code);
    expect(platform.vendorCalls).toEqual([]);
    expect(platform.rows.size).toBe(0);
  });

  it('whose name exists is refused before any vendor call', async () => {
    const platform = makePlatform({ tokens: { m1: 'version' } });
    await made(platform);
    platform.vendorCalls.length = 0;
    expect(await codeOf(made(platform))).toBe('bucket-exists');
    expect(platform.vendorCalls).toEqual([]);
  });

  it('never touches a container of that name which it did not make, and leaves nothing of its own', async () => {
    const platform = makePlatform({ tokens: { m1: 'version' } });
    await platform.backends['m1']?.createContainer(ACTOR, { container: 'photos' });
    expect(await codeOf(made(platform))).toBe('container-exists');
    expect(await holdings(platform)).toEqual(['m1/photos/']);
    expect(platform.rows.size).toBe(0);
    expect(await platform.index.findBucket('photos')).toBeUndefined();
  });

  it.each(['another deployment’s marker', 'somebody’s object'])(
    'that was not answered leaves alone what somebody else made meanwhile, with %s in it',
    async (what) => {
      const platform = makePlatform({ tokens: { m1: 'version' } });
      const vendor = platform.backends['m1'];
      const attributes = { headers: {}, metadata: {}, tags: {} };
      const key = what.startsWith('another') ? MARKER_KEY : 'theirs';
      const body = Buffer.from(JSON.stringify({ format: 1, deployment: 'other', bucket: 'b1' }));
      const meanwhile = async (): Promise<void> => {
        await vendor?.createContainer(ACTOR, { container: 'photos' });
        await vendor?.put(ACTOR, { container: 'photos', key, body, attributes });
      };
      const error = new BackendError('timeout', 'no answer');
      platform.fault = { operation: 'createContainer', phase: 'before', error, meanwhile };
      expect(await codeOf(made(platform))).toBe('backend-unavailable');
      expect(await holdings(platform)).toEqual(expect.arrayContaining([`m1/photos/${key}`]));
    },
  );

  it.each([
    ['createContainer', 'before'],
    ['createContainer', 'after'],
    ['put', 'before'],
    ['put', 'after'],
  ] as const)('is undone when %s fails %s its change (A2.12)', async (operation, phase) => {
    const platform = makePlatform({ tokens: { m1: 'version' } });
    platform.fault = { operation, phase, error: new BackendError('unavailable', 'down') };
    expect(await codeOf(made(platform))).toBe('backend-unavailable');
    expect(await holdings(platform)).toEqual([]);
    expect(platform.rows.size).toBe(0);
    expect(await codeOf(made(platform))).toBe('done');
  });

  it.each(['bucket-reserved', 'container-created', 'container-marked'] as const)(
    'that dies at %s is no bucket yet, and a repair undoes all of it',
    async (point) => {
      const { platform, died } = mortal(point);
      void made(platform);
      await died;
      expect(await codeOf(openBucket(platform.engine, ACTOR, 'photos'))).toBe('no-such-bucket');
      const [row] = platform.rows.values();
      await deleteBucket(platform.engine, ACTOR, row?.id ?? ('?' as BucketId));
      expect(await holdings(platform)).toEqual([]);
      expect(await codeOf(made(platform))).toBe('done');
    },
  );

  it('of which the repair fails half-way stays closed', async () => {
    const { platform, died } = mortal('container-created');
    void made(platform);
    await died;
    const [row] = platform.rows.values();
    platform.fault = { operation: 'list', phase: 'before', error: new BackendError('unavailable', 'down') };
    expect(await codeOf(deleteBucket(platform.engine, ACTOR, row?.id ?? ('?' as BucketId)))).toBe(
      'backend-unavailable',
    );
    expect((await platform.index.findBucket('photos'))?.value.state).toBe('deleting');
  });

  it('by two at once gives one of them the bucket', async () => {
    const platform = makePlatform({ tokens: { m1: 'version' } });
    const codes = await Promise.all([codeOf(made(platform)), codeOf(made(platform))]);
    expect(codes.sort()).toEqual(['bucket-exists', 'done']);
    expect(await holdings(platform)).toEqual(['m1/photos/', `m1/photos/${MARKER_KEY}`]);
  });
});

describe('deleting a bucket', () => {
  it.each(TOKEN_KINDS)('removes its container and frees its name, garbage and all, on tokens %s', async (tokens) => {
    const platform = makePlatform({ tokens: { m1: tokens } });
    const bucket = await made(platform);
    await put(platform, bucket, 'a');
    expect(await codeOf(deleteBucket(platform.engine, ACTOR, bucket.id))).toBe('bucket-not-empty');
    await removeObject(platform.engine, ACTOR, { bucket, key: 'a' });
    await deleteBucket(platform.engine, ACTOR, bucket.id);
    expect(await holdings(platform)).toEqual([]);
    expect(await codeOf(made(platform))).toBe('done');
  });

  it.each(['object', 'upload'] as const)(
    'is refused, and undone, when the vendor shows an unknown %s',
    async (kind) => {
      const platform = makePlatform({ tokens: { m1: 'version' } });
      const bucket = await made(platform);
      const vendor = platform.backends['m1'];
      const place = { container: 'photos', key: 'unknown' };
      const attributes = { headers: {}, metadata: {}, tags: {} };
      if (kind === 'object') await vendor?.put(ACTOR, { ...place, body: Buffer.from('x'), attributes });
      else await vendor?.leaveUpload(ACTOR, 'photos', 'unknown');
      const before = await holdings(platform);
      expect(await codeOf(deleteBucket(platform.engine, ACTOR, bucket.id))).toBe('bucket-not-empty');
      expect(await holdings(platform)).toEqual(before);
      expect(await codeOf(put(platform, bucket, 'b'))).toBe('done');
    },
  );

  it.each(TOKEN_KINDS)('that is refused loses nothing: parts of open uploads stay, on tokens %s', async (tokens) => {
    const platform = makePlatform({ tokens: { m1: tokens } });
    const bucket = await made(platform);
    await put(platform, bucket, 'a');
    await removeObject(platform.engine, ACTOR, { bucket, key: 'a' });
    const body = (async function* () {
      yield await Promise.resolve(Buffer.from('half of a film'));
    })();
    const keepUntil = platform.time.now + 86_400_000;
    const segment = await writeSegment(platform.engine, ACTOR, { bucket, upload: 'u1', body, keepUntil });
    const place = { container: 'photos', key: 'unknown' };
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const vendor = platform.backends['m1'];
    const put1 = await vendor?.put(ACTOR, { ...place, body: Buffer.from('x'), attributes });
    const before = await holdings(platform);
    expect(await codeOf(deleteBucket(platform.engine, ACTOR, bucket.id))).toBe('bucket-not-empty');
    expect(await holdings(platform)).toEqual(before);
    const chunks: Uint8Array[] = [];
    for await (const chunk of readSegments(platform.engine, ACTOR, bucket.id, [segment])) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('half of a film');
    await vendor?.delete(ACTOR, { ...place, token: put1?.token ?? '' });
    await deleteBucket(platform.engine, ACTOR, bucket.id);
    expect(await holdings(platform)).toEqual([]);
  });

  it.each(['bucket-marked-deleting', 'container-deleted'] as const)(
    'that dies at %s takes no more writes, and the next carries it on',
    async (point) => {
      const { platform, died } = mortal(point);
      const bucket = await made(platform);
      void deleteBucket(platform.engine, ACTOR, bucket.id);
      await died;
      expect(await codeOf(put(platform, bucket, 'late'))).toBe('bucket-not-active');
      await deleteBucket(platform.engine, ACTOR, bucket.id);
      expect(await holdings(platform)).toEqual([]);
      expect(platform.rows.size).toBe(0);
    },
  );

  it.each(['before', 'after'] as const)('goes on after a failure of each vendor call %s its change', async (phase) => {
    for (const operation of ['get', 'list', 'delete', 'deleteContainer']) {
      const platform = makePlatform({ tokens: { m1: 'etag' } });
      const bucket = await made(platform);
      platform.fault = { operation, phase, error: new BackendError('unavailable', 'down') };
      expect(await codeOf(deleteBucket(platform.engine, ACTOR, bucket.id))).toBe('backend-unavailable');
      await deleteBucket(platform.engine, ACTOR, bucket.id);
      expect(await holdings(platform)).toEqual([]);
    }
  });

  it.each(['another deployment’s', 'an unmarked'])(
    'at an endpoint that now shows %s container of that name refuses, and erases nothing',
    async (whose) => {
      const platform = makePlatform({ tokens: { m1: 'version' } });
      const bucket = await made(platform);
      const other = makePlatform({ tokens: { m1: 'version' } }).backends['m1'];
      const attributes = { headers: {}, metadata: {}, tags: {} };
      await other?.createContainer(ACTOR, { container: 'photos' });
      const body = Buffer.from(JSON.stringify({ format: 1, deployment: 'other', bucket: bucket.id }));
      if (whose !== 'an unmarked') await other?.put(ACTOR, { container: 'photos', key: MARKER_KEY, body, attributes });
      Object.assign(platform.backends, { m1: other });
      const before = await holdings(platform);
      expect(await codeOf(deleteBucket(platform.engine, ACTOR, bucket.id))).toBe('backend-unavailable');
      expect(await holdings(platform)).toEqual(before);
    },
  );

  it.each(TOKEN_KINDS)('never loses a write that races it and was acknowledged, on tokens %s', async (tokens) => {
    for (let yields = 0; yields < 60; yields += 1) {
      const platform = makePlatform({ tokens: { m1: tokens } });
      const bucket = await made(platform);
      const deletion = codeOf(deleteBucket(platform.engine, ACTOR, bucket.id));
      for (let i = 0; i < yields; i += 1) await Promise.resolve();
      const writes = await Promise.all(
        ['a', 'b'].map(async (bytes) => ({ bytes, told: await codeOf(put(platform, bucket, 'k', bytes)) })),
      );
      const told = await deletion;
      const acked = writes.filter((write) => write.told === 'done');
      if (told === 'done') {
        expect(acked).toEqual([]);
        expect(await holdings(platform)).toEqual([]);
      } else if (acked.length > 0) {
        await sweepAll(platform, bucket.id);
        const found = await platform.index.getKey({ bucket: bucket.id, key: 'k' });
        const placement = found?.value.current?.placement;
        expect(placement && (await platform.backends['m1']?.head(ACTOR, placement))?.size).toBe(1);
      }
    }
  });
});

describe("a write into a container that is not the bucket's any more", () => {
  /** What stands there if the endpoint leads to somebody else's container of the same name. */
  async function usurp(platform: Platform): Promise<void> {
    const body = Buffer.from('{"format":1,"deployment":"theirs","bucket":"b9"}');
    const attributes = { headers: {}, metadata: {}, tags: {} };
    await platform.backends.m1?.put({ requestId: 'r' }, { container: 'photos', key: MARKER_KEY, body, attributes });
  }

  it.each(TOKEN_KINDS)('is refused and leaves nothing there, and the old object stays (%s)', async (tokens) => {
    const platform = makePlatform({ tokens: { m1: tokens } });
    const bucket = await made(platform);
    await put(platform, bucket, 'a');
    const { marker } = bucket.containers[0] ?? {};
    await platform.backends.m1?.delete(
      { requestId: 'r' },
      { container: 'photos', key: MARKER_KEY, token: marker ?? '' },
    );
    await usurp(platform);
    const before = await holdings(platform);
    platform.time.now += 31_000;
    expect(await codeOf(put(platform, bucket, 'b'))).toBe('backend-unavailable');
    expect(await codeOf(put(platform, bucket, 'a', 'newer'))).toBe('backend-unavailable');
    expect(await holdings(platform)).toEqual(before);
    const { value } = (await platform.index.getKey({ bucket: bucket.id, key: 'a' })) ?? {};
    expect(value?.current?.size).toBe('bytes'.length);
    expect(value?.intents ?? []).toEqual([]);
  });

  it('is found out by one look at the marker every 30 seconds, not by one a write', async () => {
    const platform = makePlatform({ tokens: { m1: 'version' } });
    const bucket = await made(platform);
    platform.vendorCalls.length = 0;
    for (const key of ['a', 'b', 'c']) await put(platform, bucket, key);
    const looks = (): number => platform.vendorCalls.filter((name) => name === 'get').length;
    expect(looks()).toBe(1);
    platform.time.now += 31_000;
    await put(platform, bucket, 'd');
    expect(looks()).toBe(2);
  });
});
