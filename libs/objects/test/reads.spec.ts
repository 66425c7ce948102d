import { describe, expect, it } from '@jest/globals';
import { BackendError, TOKEN_KINDS, type GetResult, type MemoryBackend, type TokenKind } from '#libs/backends';
import type { BucketDocument } from '#libs/metadata';
import { createBucket, isObjectsError, openObject, putObject, removeObject, type RangeRequest } from '../src/index.js';
import { ACTOR, makePlatform, type Platform } from './simulation/platform.js';

const CONTENT = 'the quick brown fox jumps over the lazy dog';

interface Read {
  readonly platform: Platform;
  readonly bucket: BucketDocument;
}

async function setUp(tokens: TokenKind): Promise<Read> {
  const platform = makePlatform({ tokens: { m1: tokens } });
  const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' });
  await write({ platform, bucket }, CONTENT);
  return { platform, bucket };
}

async function write({ platform, bucket }: Read, bytes: string): Promise<void> {
  const attributes = { headers: {}, metadata: {}, tags: {} };
  await putObject(platform.engine, ACTOR, { bucket, key: 'k', body: Buffer.from(bytes), expected: {}, attributes });
}

/** Makes every stream of an object break after so many bytes; `then` runs at each cut. */
function cutStreams({ platform }: Read, after: number, then: (cut: number) => Promise<void>): { cuts: number } {
  const open = platform.engine.backends.open.bind(platform.engine.backends);
  const seen = { cuts: 0 };
  const cut = async function* (result: GetResult): AsyncGenerator<Uint8Array> {
    let passed = 0;
    for await (const chunk of result.body) {
      const part = chunk.subarray(0, after - passed);
      passed += part.byteLength;
      if (part.byteLength > 0) yield part;
      if (part.byteLength === chunk.byteLength) continue;
      seen.cuts += 1;
      if (seen.cuts > 1_000) throw new TypeError('it never ends');
      await then(seen.cuts);
      throw new BackendError('unavailable', 'the connection was reset');
    }
  };
  Object.assign(platform.engine.backends, {
    open: async (id: string) => {
      const backend = (await open(id)) as MemoryBackend;
      return new Proxy(backend, {
        get: (target, name: keyof MemoryBackend) =>
          name !== 'get'
            ? Reflect.get(target, name, target)
            : async (...request: Parameters<MemoryBackend['get']>) => {
                const result = await target.get(...request);
                return request[1].key === 'k' ? { ...result, body: cut(result) } : result;
              },
      });
    },
  });
  return seen;
}

async function readAll({ platform, bucket }: Read, range?: RangeRequest): Promise<{ bytes: string; code: string }> {
  const parts: Buffer[] = [];
  const text = (): string => Buffer.concat(parts).toString();
  try {
    const opened = await openObject(platform.engine, ACTOR, { bucket, key: 'k', ...(range ? { range } : {}) });
    for await (const chunk of opened.body) parts.push(Buffer.from(chunk));
    return { bytes: text(), code: 'done' };
  } catch (error) {
    if (!isObjectsError(error)) throw error;
    return { bytes: text(), code: error.code };
  }
}

const nothing = (): Promise<void> => Promise.resolve();

describe.each(TOKEN_KINDS)('a read of a backend whose tokens are %s', (tokens) => {
  it('goes on at its offset however often the stream is cut, as long as bytes come (invariant 2)', async () => {
    const at = await setUp(tokens);
    const seen = cutStreams(at, 3, nothing);
    expect(await readAll(at)).toEqual({ bytes: CONTENT, code: 'done' });
    expect(seen.cuts).toBeGreaterThan(10);
    expect(await readAll(at, { from: 4, to: 18 })).toEqual({ bytes: CONTENT.slice(4, 19), code: 'done' });
  });

  it('gives up on a backend that answers and never sends a byte', async () => {
    const at = await setUp(tokens);
    const seen = cutStreams(at, 0, nothing);
    expect(await readAll(at)).toEqual({ bytes: '', code: 'backend-unavailable' });
    expect(seen.cuts).toBeLessThan(10);
  });

  it.each([CONTENT.toUpperCase(), 'short', `${CONTENT}${CONTENT}`])(
    'never mixes the bytes of two objects when it is replaced by "%s" between two cuts',
    async (other) => {
      const at = await setUp(tokens);
      cutStreams(at, 10, (cut) => (cut === 1 ? write(at, other) : nothing()));
      const { bytes, code } = await readAll(at);
      expect(CONTENT.startsWith(bytes)).toBe(true);
      expect([bytes === CONTENT ? 'done' : 'changed-meanwhile']).toContain(code);
    },
  );

  it('goes on when the same bytes were written again, or the object deleted, while the old ones stay for the grace', async () => {
    const rewritten = await setUp(tokens);
    cutStreams(rewritten, 10, (cut) => (cut === 1 ? write(rewritten, CONTENT) : nothing()));
    expect(await readAll(rewritten)).toEqual({ bytes: CONTENT, code: 'done' });
    const deleted = await setUp(tokens);
    const { platform, bucket } = deleted;
    cutStreams(deleted, 10, async (cut) => {
      if (cut === 1) await removeObject(platform.engine, ACTOR, { bucket, key: 'k' });
    });
    expect(await readAll(deleted)).toEqual({ bytes: CONTENT, code: 'done' });
  });

  it.each(['gone', 'another'] as const)(
    'never marks an object missing at an endpoint whose container is %s',
    async (container) => {
      const at = await setUp(tokens);
      const other = makePlatform({ tokens: { m1: tokens } }).backends['m1'];
      if (container === 'another') await other?.createContainer(ACTOR, { container: 'bucket' });
      const old = at.platform.backends['m1'];
      Object.assign(at.platform.backends, { m1: other });
      expect(await readAll(at)).toEqual({ bytes: '', code: 'backend-unavailable' });
      Object.assign(at.platform.backends, { m1: old });
      expect(await readAll(at)).toEqual({ bytes: CONTENT, code: 'done' });
    },
  );

  it('marks missing what is gone from its own container, and keeps the record', async () => {
    const at = await setUp(tokens);
    const record = (await at.platform.index.getKey({ bucket: at.bucket.id, key: 'k' }))?.value.current;
    if (record) await at.platform.backends['m1']?.delete(ACTOR, record.placement);
    expect((await readAll(at)).code).toBe('object-missing');
    const kept = (await at.platform.index.getKey({ bucket: at.bucket.id, key: 'k' }))?.value.current;
    expect(kept).toEqual({ ...record, missing: true });
  });
});

describe.each(['generation', 'etag', 'none'] as const)('an object replaced from outside, tokens %s', (tokens) => {
  it('is read as what stands there, with its own ETag', async () => {
    const at = await setUp(tokens);
    const attributes = { headers: {}, metadata: { by: 'hand' }, tags: {} };
    await at.platform.backends['m1']?.put(ACTOR, {
      container: 'bucket',
      key: 'k',
      body: Buffer.from('outside'),
      attributes,
    });
    expect(await readAll(at)).toEqual({ bytes: 'outside', code: 'done' });
    const healed = (await at.platform.index.getKey({ bucket: at.bucket.id, key: 'k' }))?.value.current;
    expect(healed?.metadata).toEqual({ by: 'hand' });
  });
});
