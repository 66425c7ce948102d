import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  RestoreObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { startMinio, startMoto } from '../../../test/servers/index.js';
import { isBackendError, openBackend } from '../src/index.js';
import type { Call, ObjectAttributes, ObjectBackend } from '../src/index.js';
import { definitionOf, isMissing, open } from './aws-server.js';
import type { Opened } from './aws-server.js';
import { bytesOf, collect, streamOf } from './conformance/bytes.js';
import { failure, PLAIN } from './conformance/stage.js';

const call: Call = { requestId: 'reference' };
const MIB = 1024 * 1024;
const newName = (): string => `spumoni-reference-${randomBytes(5).toString('hex')}`;

const ATTRIBUTES: ObjectAttributes = {
  headers: {
    contentType: 'text/plain; charset=utf-8',
    cacheControl: 'max-age=60',
    contentDisposition: 'attachment; filename="ü.txt"',
    contentEncoding: 'identity',
    contentLanguage: 'de',
    expires: 'Wed, 21 Oct 2065 07:28:00 GMT',
  },
  metadata: { colour: 'red', 'with-dash': 'two blanks' },
  tags: { project: 'spumoni', 'a b': 'c/d=e+f' },
  writeId: 'w-1',
};

async function read(backend: ObjectBackend, container: string, key: string, token?: string): Promise<Buffer> {
  const answer = await backend.get(call, { container, key, ...(token === undefined ? {} : { token }) });
  return await collect(answer.body);
}

describe('beside the SDK on MinIO', () => {
  if (isMissing('minio')) return;
  let all: Opened;
  const container = newName();
  beforeAll(async () => {
    all = await open(startMinio, { profile: 'minio', options: { singleRequestBytes: 6 * MIB } });
    await all.backend.createContainer(call, { container });
  });
  afterAll(() => all.close());

  it('writes what the SDK reads: bytes, headers, metadata, tags, version', async () => {
    const body = bytesOf(1, 70_000);
    const written = await all.backend.put(call, {
      container,
      key: 'ours',
      body,
      size: body.length,
      attributes: ATTRIBUTES,
    });
    const where = { Bucket: container, Key: 'ours', VersionId: written.token };
    const answer = await all.client.send(new GetObjectCommand(where));
    expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
    expect(answer).toMatchObject({
      ContentType: ATTRIBUTES.headers.contentType,
      CacheControl: 'max-age=60',
      ContentEncoding: 'identity',
      ContentLanguage: 'de',
      ExpiresString: ATTRIBUTES.headers.expires,
      Metadata: { colour: 'red', 'with-dash': 'two blanks', 'spumoni-write': 'w-1' },
      VersionId: written.token,
      ETag: `"${written.vendorEtag}"`,
    });
    const { TagSet } = await all.client.send(new GetObjectTaggingCommand(where));
    expect(Object.fromEntries((TagSet ?? []).map(({ Key, Value }) => [Key, Value]))).toEqual(ATTRIBUTES.tags);
  });

  it('reads what the SDK wrote', async () => {
    const body = bytesOf(2, 1000);
    const written = await all.client.send(
      new PutObjectCommand({
        Bucket: container,
        Key: 'theirs ü/+ %41',
        Body: body,
        ContentType: 'image/x-test',
        Metadata: { one: '1' },
        Tagging: 'a=b%20c',
      }),
    );
    const head = await all.backend.head(call, { container, key: 'theirs ü/+ %41', withTags: true });
    expect(head).toMatchObject({
      token: written.VersionId,
      size: 1000,
      headers: { contentType: 'image/x-test' },
      metadata: { one: '1' },
      tags: { a: 'b c' },
      storageClass: 'STANDARD',
    });
    expect(head.writeId).toBeUndefined();
    expect((await read(all.backend, container, 'theirs ü/+ %41')).equals(body)).toBe(true);
  });

  it('sends a known length above one request in parts, and the SDK reads it whole', async () => {
    const size = 20 * MIB + 3;
    const written = await all.backend.put(call, {
      container,
      key: 'parts',
      body: streamOf(3, size),
      size,
      attributes: ATTRIBUTES,
    });
    expect(written.vendorEtag).toMatch(/-\d+$/);
    expect(written.md5).toBeUndefined();
    const answer = await all.client.send(
      new GetObjectCommand({ Bucket: container, Key: 'parts', VersionId: written.token }),
    );
    expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? []).equals(bytesOf(3, size))).toBe(true);
    const source = { container, key: 'parts', token: written.token };
    const copied = await all.backend.copy(call, { source, container, key: 'parts-copy', attributes: ATTRIBUTES });
    expect(copied.size).toBe(size);
    expect((await read(all.backend, container, 'parts-copy', copied.token)).equals(bytesOf(3, size))).toBe(true);
    expect((await all.backend.head(call, { container, key: 'parts-copy' })).metadata).toEqual(ATTRIBUTES.metadata);
  });

  it.each([-1, 1])('leaves nothing of a body in parts that is off by %d', async (off) => {
    const size = 13 * MIB;
    const attempt = all.backend.put(call, {
      container,
      key: 'off',
      body: streamOf(4, size + off),
      size,
      attributes: PLAIN,
    });
    await failure(attempt, 'invalid');
    expect(
      (await all.backend.list(call, { container, prefix: 'off', include: 'everything', limit: 10 })).entries,
    ).toEqual([]);
    const { Uploads } = await all.client.send(new ListMultipartUploadsCommand({ Bucket: container, Prefix: 'off' }));
    expect(Uploads ?? []).toEqual([]);
  });

  it('takes a delete marker for absence, shows it in everything, and deletes it by its token', async () => {
    const { token } = await all.backend.put(call, { container, key: 'marked', body: bytesOf(5, 5), attributes: PLAIN });
    await all.client.send(new DeleteObjectCommand({ Bucket: container, Key: 'marked' }));
    await failure(all.backend.head(call, { container, key: 'marked' }), 'not-found');
    await failure(all.backend.get(call, { container, key: 'marked' }), 'not-found');
    const list = async (include: 'current' | 'everything') =>
      (await all.backend.list(call, { container, prefix: 'marked', include, limit: 10 })).entries;
    expect(await list('current')).toEqual([]);
    const everything = await list('everything');
    expect(everything.map(({ kind }) => kind).sort()).toEqual(['delete-marker', 'noncurrent']);
    const marker = everything.find(({ kind }) => kind === 'delete-marker')?.token ?? '';
    await failure(all.backend.get(call, { container, key: 'marked', token: marker }), 'not-found');
    expect(await all.backend.delete(call, { container, key: 'marked', token: marker })).toBe('deleted');
    expect((await all.backend.head(call, { container, key: 'marked' })).token).toBe(token);
  });

  it('says what MinIO really does when it probes', async () => {
    expect(await all.backend.probe(call, 'probe')).toEqual({
      tokens: 'version',
      writeIfAbsent: true,
      writeIfToken: false,
      deleteByToken: true,
      multipart: true,
      serverSideCopy: true,
      tags: 'native',
      storageClasses: ['STANDARD', 'REDUCED_REDUNDANCY'],
    });
  });

  it.each([
    ['a wrong secret', { secretKey: { reveal: () => 'wrong' } }, 'SignatureDoesNotMatch'],
    ['an unknown key', { accessKey: 'nobody' }, 'InvalidAccessKeyId'],
  ])('refuses %s with a reason, whatever is called', async (_, wrong, code) => {
    const definition = definitionOf(all.server, { profile: 'minio' });
    const backend = await openBackend({ ...definition, credentials: { ...definition.credentials, ...wrong } });
    const calls = [
      backend.probe(call, 'probe'),
      backend.listContainers(call),
      backend.get(call, { container, key: 'ours' }),
      backend.head(call, { container, key: 'ours' }),
      backend.put(call, { container, key: 'ours', body: bytesOf(1, 1), attributes: PLAIN }),
      backend.list(call, { container, include: 'everything', limit: 1 }),
    ];
    for (const attempt of calls) expect((await failure(attempt, 'denied')).vendorCode).toBe(code);
    await backend.close();
  });

  it('answers timeout while the server stands still, and unavailable once it is gone', async () => {
    const own = await open(startMinio, { profile: 'minio' });
    await own.backend.createContainer(call, { container });
    own.server.pause();
    const hurried: Call = { ...call, deadlineMs: 200 };
    await failure(own.backend.head(hurried, { container, key: 'x' }), 'timeout');
    await failure(own.backend.listContainers(hurried), 'timeout');
    own.server.resume();
    await own.server.kill();
    await failure(own.backend.head(call, { container, key: 'x' }), 'unavailable');
    await failure(own.backend.listContainers(call), 'unavailable');
    await failure(own.backend.probe(call, 'probe'), 'unavailable');
    await own.close();
  }, 60_000);
});

// moto refuses `versionId=null` in a container that never had versions, so there only the profile that knows no versions at all is tried.
describe.each([
  ['MinIO, by VersionId null', 'minio', startMinio, 'minio'],
  ['MinIO, by list version 1', 'minio', startMinio, 'ceph'],
  ['MinIO, as a service without versions', 'minio', startMinio, 'cloudflare-r2'],
  ['moto, as a service without versions', 'moto', startMoto, 'cloudflare-r2'],
] as const)('a container without versioning on %s', (_, name, start, profile) => {
  if (isMissing(name)) return;
  let all: Opened;
  const container = newName();
  beforeAll(async () => {
    all = await open(start, { profile });
    await all.client.send(new CreateBucketCommand({ Bucket: container }));
  });
  afterAll(() => all.close());
  const put = (key: string, seed: number) =>
    all.backend.put(call, { container, key, body: bytesOf(seed, 50), attributes: PLAIN });

  it('is told apart', async () => {
    expect((await all.backend.inspectContainer(call, container)).tokens).toBe('none');
    const listed = await all.backend.listContainers(call);
    expect(listed.find((info) => info.name === container)?.tokens).toBe('none');
  });

  it('is listed page by page', async () => {
    const keys = ['page/ä', 'page/b c', 'page/a', 'page/%41'];
    for (const key of keys) await put(key, 9);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const at = cursor === undefined ? {} : { cursor };
      const page = await all.backend.list(call, { container, prefix: 'page/', include: 'current', limit: 2, ...at });
      seen.push(...page.entries.map(({ key }) => key));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(['page/%41', 'page/a', 'page/b c', 'page/ä']);
  });

  it('has ETags for tokens: they read, copy, restamp and delete what they name, and nothing else', async () => {
    const old = await put('a', 1);
    const now = await put('a', 2);
    expect(now.token).toBe(`"${now.vendorEtag}"`);
    expect((await all.backend.head(call, { container, key: 'a' })).token).toBe(now.token);
    expect((await read(all.backend, container, 'a', now.token)).equals(bytesOf(2, 50))).toBe(true);
    await failure(all.backend.get(call, { container, key: 'a', token: old.token }), 'precondition');
    expect(await all.backend.delete(call, { container, key: 'a', token: old.token })).toBe('absent');
    const copied = await all.backend.copy(call, {
      source: { container, key: 'a', token: now.token },
      container,
      key: 'b',
      attributes: PLAIN,
    });
    expect((await read(all.backend, container, 'b', copied.token)).equals(bytesOf(2, 50))).toBe(true);
    const stale = all.backend.copy(call, {
      source: { container, key: 'a', token: old.token },
      container,
      key: 'c',
      attributes: PLAIN,
    });
    await failure(stale, 'precondition', 'not-found');
    const attributes = { ...PLAIN, metadata: { new: 'one' } };
    const stamped = await all.backend.restamp(call, { container, key: 'a', token: now.token }, attributes);
    expect((await all.backend.head(call, { container, key: 'a', token: stamped.token })).metadata).toEqual({
      new: 'one',
    });
    for (const include of ['current', 'everything'] as const) {
      const { entries } = await all.backend.list(call, { container, prefix: 'a', include, limit: 10 });
      expect(entries.map(({ kind, key, token }) => ({ kind, key, token }))).toEqual([
        { kind: 'object', key: 'a', token: stamped.token },
      ]);
    }
    expect(await all.backend.delete(call, { container, key: 'a', token: stamped.token })).toBe('deleted');
    await failure(all.backend.head(call, { container, key: 'a' }), 'not-found');
  });
});

describe('storage classes on moto', () => {
  if (isMissing('moto')) return;
  let all: Opened;
  const container = newName();
  beforeAll(async () => {
    all = await open(startMoto, { type: 'aws', region: 'us-east-1', options: { urlEncodedListing: false } });
    await all.backend.createContainer(call, { container });
  });
  afterAll(() => all.close());

  it('stores each class of AWS with its attributes, and changes class by restamp', async () => {
    for (const storageClass of all.backend.capabilities.storageClasses) {
      const attributes = { ...ATTRIBUTES, storageClass };
      const written = await all.backend.put(call, { container, key: storageClass, body: bytesOf(6, 100), attributes });
      expect(written.storageClass).toBe(storageClass);
      const where = { container, key: storageClass, token: written.token };
      const head = await all.backend.head(call, where);
      expect(head).toMatchObject({ storageClass, metadata: ATTRIBUTES.metadata, writeId: 'w-1' });
      // moto refuses to read the tags of an archived object, which AWS does not.
      if (!head.archived)
        expect((await all.backend.head(call, { ...where, withTags: true })).tags).toEqual(ATTRIBUTES.tags);
      const { StorageClass } = await all.client.send(new HeadObjectCommand({ Bucket: container, Key: storageClass }));
      expect(StorageClass ?? 'STANDARD').toBe(storageClass);
      const { token } = await all.backend.put(call, {
        container,
        key: 'moves',
        body: bytesOf(7, 10),
        attributes: PLAIN,
      });
      const moved = await all.backend.restamp(call, { container, key: 'moves', token }, attributes);
      expect((await all.backend.head(call, { container, key: 'moves', token: moved.token })).storageClass).toBe(
        storageClass,
      );
    }
  });

  it('says that an object is archived, and refuses to read it as a conflict until it is restored', async () => {
    const attributes = { ...PLAIN, storageClass: 'GLACIER' };
    const { token } = await all.backend.put(call, { container, key: 'cold', body: bytesOf(8, 10), attributes });
    expect((await all.backend.head(call, { container, key: 'cold', token })).archived).toBe(true);
    expect((await failure(read(all.backend, container, 'cold', token), 'conflict')).vendorCode).toBe(
      'InvalidObjectState',
    );
    const RestoreRequest = { Days: 1 };
    await all.client.send(
      new RestoreObjectCommand({ Bucket: container, Key: 'cold', VersionId: token, RestoreRequest }),
    );
    const deadline = Date.now() + 90_000;
    let archived: boolean | undefined = true;
    while (archived === true && Date.now() < deadline)
      archived = (await all.backend.head(call, { container, key: 'cold', token })).archived;
    expect(archived).toBeUndefined();
    expect((await read(all.backend, container, 'cold', token)).equals(bytesOf(8, 10))).toBe(true);
  });

  it('probes every class', async () => {
    const seen = await all.backend.probe(call, 'probe');
    expect(seen.storageClasses).toEqual(all.backend.capabilities.storageClasses);
    expect(seen).toMatchObject({ tokens: 'version', writeIfAbsent: true, multipart: true, serverSideCopy: true });
  });

  it('refuses another region than its own, naming both', async () => {
    const attempt = all.backend.createContainer(call, { container: newName(), region: 'eu-west-1' });
    expect((await failure(attempt, 'invalid')).message).toMatch(/us-east-1.*eu-west-1/);
  });
});

it('answers for a backend nobody listens at', async () => {
  const credentials = { accessKey: 'a', secretKey: { reveal: () => 'b' } };
  const backend = await openBackend({
    name: 'nowhere',
    type: 's3',
    endpoint: 'http://127.0.0.1:1',
    credentials,
    options: { insecure: true },
  });
  await failure(backend.probe(call, 'probe'), 'unavailable');
  const error = await failure(backend.get(call, { container: 'abc', key: 'k' }));
  expect(isBackendError(error, 'unavailable') && error.backend).toBe('nowhere');
  await backend.close();
});
