import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane, NewUpload, UploadRecord } from '../src/control-plane/index.js';
import { TestPostgres } from './control-plane-server.js';

const postgres = new TestPostgres();
let planes: readonly ControlPlane[];
let plane: ControlPlane;
let bucketId: NewUpload['bucketId'];
let userId: string;
beforeAll(async () => {
  await postgres.start();
  const connection = await postgres.freshDatabase();
  planes = await Promise.all([postgres.open({ connection }), postgres.open({ connection })]);
  [plane] = planes as [ControlPlane, ControlPlane];
  userId = (await plane.users.create({ name: 'ada', role: 'user' })).id;
  const backend = await plane.backends.create({
    ...{ name: 'b', type: 's3', options: {}, credentials: 'sealed', state: 'ok' },
    capabilities: { tokens: 'version', storageClasses: ['STANDARD'] },
  });
  const bucket = { name: 'films', state: 'active', ownerId: userId, type: 's3', backendId: backend.id } as const;
  bucketId = (await plane.buckets.create(bucket)).id;
});
afterAll(() => postgres.dispose());

const HOUR = 3_600_000;
const create = (size: number, more: Partial<NewUpload> = {}, most = 100, by = plane) =>
  by.uploads.create(
    {
      ...{ id: randomUUID(), bucketId, userId, wish: '{"key":"a\\u0000b"}', size, expiresAt: Date.now() + HOUR },
      ...more,
    },
    most,
  );
async function made(size: number, more: Partial<NewUpload> = {}): Promise<UploadRecord> {
  const record = await create(size, more);
  if (!record) throw new Error('not made');
  return record;
}
/** The same, asked of both processes, many times at once. */
const atOnce = <T>(ask: (by: ControlPlane) => Promise<T>) =>
  Promise.all(Array.from({ length: 12 }, (_, n) => planes[n % 2] ?? plane).map(ask));

describe('uploads in the control plane', () => {
  it('are made up to the user’s number, however many begin at once', async () => {
    const results = await atOnce((by) => create(1, {}, 5, by));
    const mine = results.filter((record) => record !== undefined);
    expect(mine).toHaveLength(5);
    expect(await plane.uploads.find(mine[0]?.id ?? '')).toEqual(mine[0]);
    for (const { id } of mine) await plane.uploads.delete(id);
    await expect(create(1, { bucketId: randomUUID() as typeof bucketId })).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('grow by one of several that append at an offset, never beyond their size', async () => {
    const { id } = await made(10);
    const taken = await atOnce((by) => by.uploads.append(id, { start: 0, size: 6, segment: 'one' }));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await plane.uploads.append(id, { start: 6, size: 5, segment: 'too long' })).toBe(false);
    expect(await plane.uploads.append(id, { start: 6, size: 4, segment: 'two' })).toBe(true);
    expect(await plane.uploads.segments(id)).toMatchObject([
      { start: 0, segment: 'one', bucketId },
      { start: 6, segment: 'two' },
    ]);
    expect(await plane.uploads.find(id)).toMatchObject({ received: 10, state: 'open' });
    const late = await made(10, { expiresAt: Date.now() - 1 });
    expect(await plane.uploads.append(late.id, { start: 0, size: 1, segment: 'late' })).toBe(false);
    await plane.uploads.delete(late.id);
  });

  it('are put together by one at a time, until that one gives back or its time is over', async () => {
    const { id } = await made(1);
    const until = Date.now() + HOUR;
    const claims = await atOnce((by) => by.uploads.claim(id, 'mine', until));
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await plane.uploads.renew(id, 'another', { until })).toBe(false);
    expect(await plane.uploads.renew(id, 'mine', { until: 0, attempt: 'w1' })).toBe(true);
    expect(await plane.uploads.claim(id, 'next', until)).toMatchObject({ attempt: 'w1' });
    await plane.uploads.finish(id, 'mine', { state: 'done', outcome: 'not mine any more' });
    expect(await plane.uploads.find(id)).toMatchObject({ state: 'open' });
    await plane.uploads.finish(id, 'next', { state: 'done', outcome: 'etag' });
    expect(await plane.uploads.find(id)).toMatchObject({ state: 'done', outcome: 'etag' });
    expect(await plane.uploads.claim(id, 'late', until)).toBeUndefined();
    expect(await plane.uploads.append(id, { start: 0, size: 1, segment: 'late' })).toBe(false);
  });

  it('are due when they expired unclaimed, or ended with something left', async () => {
    const expired = await made(5, { expiresAt: Date.now() - 1 });
    const busy = await made(5, { expiresAt: Date.now() - 1 });
    await plane.uploads.claim(busy.id, 'mine', Date.now() + HOUR);
    const ended = await made(5);
    await plane.uploads.append(ended.id, { start: 0, size: 5, segment: 'left' });
    await plane.uploads.claim(ended.id, 'mine', Date.now() + HOUR);
    await plane.uploads.finish(ended.id, 'mine', { state: 'failed', outcome: 'why' });
    const due = async () => (await plane.uploads.due(100)).map(({ id }) => id);
    expect(new Set(await due())).toEqual(new Set([expired.id, ended.id]));
    // What was put off comes after what has been due for longer, and until then not at all, whether it is open or ended.
    await plane.uploads.putOff(expired.id, Date.now());
    const next = await made(5, { expiresAt: Date.now() - HOUR });
    expect((await due()).slice(0, 2)).toEqual([next.id, expired.id]);
    for (const { id } of [expired, ended, busy]) await plane.uploads.putOff(id, Date.now() + HOUR);
    expect(await due()).toEqual([next.id]);
    expect(await plane.uploads.renew(busy.id, 'mine', { until: 0 })).toBe(true);
    expect(new Set(await due())).toEqual(new Set([next.id, busy.id]));
    await plane.uploads.delete(next.id);
    await plane.uploads.forgetSegments(ended.id);
    expect(await due()).toEqual([busy.id]);
    for (const { id } of [expired, busy]) await plane.uploads.delete(id);
  });

  it('hold room in their bucket until all is there, and their segments can be gone through and replaced', async () => {
    const before = await plane.uploads.reserved(bucketId);
    const { id } = await made(7_000_000_000);
    expect(await plane.uploads.reserved(bucketId)).toEqual({
      objects: before.objects + 1,
      bytes: before.bytes + 7_000_000_000,
    });
    for (let n = 0; n < 5; n += 1) await plane.uploads.append(id, { start: n, size: 1, segment: `s${n}` });
    const seen: string[] = [];
    let page = await plane.uploads.listSegments(2);
    while (page.length > 0) {
      seen.push(...page.filter(({ uploadId }) => uploadId === id).map(({ segment }) => segment));
      page = await plane.uploads.listSegments(2, page.at(-1));
    }
    expect(seen).toEqual(['s0', 's1', 's2', 's3', 's4']);
    const [first] = await plane.uploads.segments(id);
    if (!first) throw new Error('none');
    expect(await plane.uploads.replaceSegment(first, 'new')).toBe(true);
    expect(await plane.uploads.replaceSegment(first, 'newer')).toBe(false);
    await plane.uploads.append(id, { start: 5, size: 6_999_999_995, segment: 'rest' });
    expect(await plane.uploads.reserved(bucketId)).toEqual(before);
  });

  it('go with their bucket', async () => {
    const { id } = await made(1);
    await plane.buckets.delete(bucketId);
    expect(await plane.uploads.find(id)).toBeUndefined();
    expect(await plane.uploads.listSegments(10)).toEqual([]);
  });
});
