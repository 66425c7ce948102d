import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { BackendError, TOKEN_KINDS } from '#libs/backends';
import { IndexError, type ObjectIndex } from '#libs/metadata';
import { KeyRing, wrappingKeyIdOf } from '#libs/secrets';
import { dropSegment, listObjects, piecesOf, readSegments, writeSegment, type Segment } from '../src/index.js';
import { ListedPage } from '../src/reconciling/listed-page.js';
import { dataKeysOf, masterKey } from './simulation/data-keys.js';
import { Faults } from './simulation/faults.js';
import { CONTEXT, endProcess, KINDS_OF_WORLDS, leftovers, makeWorld, settle, type World } from './simulation/world.js';

const LONG = 24 * 60 * 60_000;

async function write(world: World, upload: string, text: string, keepMs: number): Promise<Segment> {
  const bucket = await world.bucket();
  async function* body(): AsyncGenerator<Uint8Array> {
    for (const part of [text.slice(0, 3), text.slice(3)]) yield await Promise.resolve(Buffer.from(part));
  }
  return writeSegment(world.engine, CONTEXT, {
    bucket,
    upload,
    body: body(),
    keepUntil: world.engine.clock.now() + keepMs,
  });
}

async function read(world: World, segments: readonly Segment[]): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readSegments(world.engine, CONTEXT, (await world.bucket()).id, segments))
    chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe.each(KINDS_OF_WORLDS)('segments of uploads in a bucket of $objects objects, tokens: $tokens', (kind) => {
  it('stay, through the death of their writer and any sweep, until their time or until they are dropped, and no listing shows them', async () => {
    const world = await makeWorld({ ...kind, home: 'm1' });
    const segments = [await write(world, 'u1', 'hello, ', LONG), await write(world, 'u2', 'clouds', LONG)];
    endProcess(world);
    await settle(world);
    const bucket = await world.bucket();
    expect((await listObjects(world.engine, { bucket, maxKeys: 10 })).objects).toEqual([]);
    expect(await read(world, segments)).toBe('hello, clouds');
    const [first] = segments;
    if (first) await dropSegment(world.engine, CONTEXT, bucket, first);
    await expect(read(world, segments)).rejects.toMatchObject({ code: 'damaged' });
    expect((await leftovers(world)).filter((one) => one.includes('object'))).toHaveLength(1);
    world.scheduler.now += LONG;
    await settle(world);
    expect(await leftovers(world)).toEqual([]);
    expect(await world.index.listPending({ limit: 10 })).toEqual([]);
  });

  it('leave nothing, wherever their writer dies', async () => {
    for (let stop = 1; ; stop += 1) {
      const world = await makeWorld({ ...kind, home: 'm1', gates: true });
      const task = world.scheduler.start('write', () => write(world, 'u1', 'hello', 1_000));
      await world.scheduler.quiet();
      for (let step = 0; step < stop && task.outcome === undefined; step += 1) await world.scheduler.step(task);
      const hasEnded = task.outcome !== undefined;
      endProcess(world);
      await settle(world);
      expect([task.at, await leftovers(world)]).toEqual([task.at, []]);
      expect(await world.index.listPending({ limit: 10 })).toEqual([]);
      if (hasEnded) break;
    }
  });

  it('leave nothing where their writer stood still, was taken for dead, and went on', async () => {
    for (const stop of ['put-before', 'put-after', 'bytes-sent']) {
      const world = await makeWorld({ ...kind, home: 'm1', gates: true });
      const task = world.scheduler.start('write', () => write(world, 'u1', 'hello', 1_000));
      await world.scheduler.quiet();
      while (task.at !== undefined && task.at !== stop) await world.scheduler.step(task);
      await settle(world);
      while (task.outcome === undefined) await world.scheduler.step(task);
      await settle(world);
      expect([stop, await leftovers(world)]).toEqual([stop, []]);
      expect(await world.index.listPending({ limit: 10 })).toEqual([]);
    }
  });
});

it.each(TOKEN_KINDS)('a segment whose answer was lost is nobody’s, and goes; tokens: %s', async (tokens) => {
  let isArmed = false;
  const fault = (point: string): void => {
    if (!isArmed || point !== 'm1 put-after') return;
    isArmed = false;
    throw new BackendError('timeout', 'the answer was lost', { backend: 'm1' });
  };
  const faulty = await makeWorld({ tokens, home: 'm1', fault });
  isArmed = true;
  await expect(write(faulty, 'u1', 'hello', 1_000)).rejects.toMatchObject({ code: 'backend-unavailable' });
  endProcess(faulty);
  await settle(faulty);
  expect(await leftovers(faulty)).toEqual([]);
});

it('a segment that comes while the master key is rotated is under the new key when it is told of', async () => {
  const world = await makeWorld({ tokens: 'version', home: 'm1', encrypted: true });
  const [before, after] = [masterKey(1), masterKey(2)];
  let current = before.id;
  Object.assign(world.engine, { dataKeys: dataKeysOf(new KeyRing([before, after], () => current)) });
  async function* body(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from('hello, '));
    current = after.id;
    yield await Promise.resolve(Buffer.from('clouds'));
  }
  const wish = { bucket: await world.bucket(), upload: 'u1', body: body(), keepUntil: LONG };
  const segment = await writeSegment(world.engine, CONTEXT, wish);
  expect(wrappingKeyIdOf(segment.sealing?.key ?? '')).toBe(after.id);
  expect(await read(world, [segment])).toBe('hello, clouds');
});

it('a segment leaves nothing where the index has no room to name it', async () => {
  let isFull = false;
  const index = (inner: ObjectIndex): ObjectIndex => ({
    ...new Faults().around(inner),
    changeKey: (...change) =>
      isFull ? Promise.reject(new IndexError('full', 'no room', undefined)) : inner.changeKey(...change),
  });
  const world = await makeWorld({ tokens: 'id', home: 'm1', index });
  isFull = true;
  await expect(write(world, 'u1', 'hello', LONG)).rejects.toMatchObject({ kind: 'full' });
  expect(await leftovers(world)).toEqual([]);
});

it('a stream is cut into pieces that are full but for the last, and lose nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 9 })),
      fc.integer({ min: 1, max: 7 }),
      async (chunks, most) => {
        const pieces: Buffer[] = [];
        for await (const piece of piecesOf(fromArray(chunks), most)) {
          const parts: Uint8Array[] = [];
          for await (const part of piece) parts.push(part);
          pieces.push(Buffer.concat(parts));
        }
        expect(Buffer.concat(pieces).equals(Buffer.concat(chunks))).toBe(true);
        expect(pieces.slice(0, -1).every(({ length }) => length === most)).toBe(true);
        expect(pieces.every(({ length }) => length > 0 && length <= most)).toBe(true);
      },
    ),
  );
});

async function* fromArray(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

it('a vendor’s listing of segments is no finding for who reconciles', () => {
  const entry = { kind: 'object' as const, size: 1, token: 't', lastModified: new Date(0) };
  const page = new ListedPage([
    { ...entry, key: '.spumoni/u/upload/segment' },
    { ...entry, key: '.spumoni/x' },
  ]);
  expect([page.unnameable, page.objects.size]).toEqual([['.spumoni/x'], 0]);
});
