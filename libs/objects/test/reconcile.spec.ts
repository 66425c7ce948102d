import { describe, expect, it } from '@jest/globals';
import { BackendError, TOKEN_KINDS, type MemoryBackend, type TokenKind } from '#libs/backends';
import type { BucketDocument, KeyAddress, ObjectRecord, WriteId } from '#libs/metadata';
import {
  createBucket,
  MARKER_KEY,
  openObject,
  reconcileBucket,
  removeObject,
  reportIn,
  requireRecord,
  type JobEnd,
  type ReconcileReport,
} from '../src/index.js';
import { newWriteIdFor } from '../src/mutation/write-ids.js';
import { listAll, read, write } from './simulation/clients.js';
import { KeptReports, putOutside, seenOutside } from './simulation/outside.js';
import { ACTOR, makePlatform, sweepAll, type Platform } from './simulation/platform.js';

const OUTSIDE_KINDS = TOKEN_KINDS.filter((kind) => kind !== 'id');

interface Stand {
  readonly platform: Platform;
  readonly backend: MemoryBackend;
  readonly bucket: BucketDocument;
}

async function stand(tokens: TokenKind): Promise<Stand> {
  const platform = makePlatform({ tokens: { m1: tokens } });
  const backend = platform.backends['m1'];
  if (!backend) throw new Error('no backend');
  const { bucket } = await createBucket(platform.engine, ACTOR, { name: 'bucket', backend: 'm1' });
  for (const key of ['a', 'b', 'c', 'd']) await write(platform, bucket, key, `ours ${key}`);
  return { platform, backend, bucket };
}

async function reconcile(
  { platform, bucket }: Stand,
  reporter = new KeptReports(),
): Promise<{ end: JobEnd; report: ReconcileReport | undefined }> {
  const { checkpoint } = reporter;
  const end = await reconcileBucket(platform.engine, ACTOR, {
    bucketId: bucket.id,
    parallel: 3,
    reporter,
    ...(checkpoint ? { checkpoint } : {}),
  });
  return { end, report: reportIn(reporter.checkpoint ?? null) };
}

async function recordOf({ platform, bucket }: Stand, key: string): Promise<ObjectRecord> {
  return requireRecord(platform.engine, bucket, key);
}

async function removeOutside(at: Stand, key: string): Promise<void> {
  const { placement } = await recordOf(at, key);
  expect(await at.backend.delete(ACTOR, placement)).toBe('deleted');
}

function told(report: ReconcileReport | undefined): string[] {
  return (report?.first ?? []).map(({ key, kind }) => `${kind} ${key}`).toSorted();
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'done',
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  );
}

describe.each(OUTSIDE_KINDS)('reconciling a container whose tokens are %s', (tokens) => {
  it('finds nothing where nothing was changed, and asks for no object', async () => {
    const at = await stand(tokens);
    at.platform.vendorCalls.length = 0;
    const { end, report } = await reconcile(at);
    expect({ end, report }).toEqual({ end: { state: 'completed' }, report: { counts: {}, first: [] } });
    expect(at.platform.vendorCalls).not.toContain('head');
  });

  it('heals what others put, replaced and removed, tells of it, and deletes nothing', async () => {
    const at = await stand(tokens);
    const { platform, backend, bucket } = at;
    await putOutside(backend, 'bucket', { key: 'new', bytes: 'theirs', attributes: { metadata: { by: 'them' } } });
    await putOutside(backend, 'bucket', { key: 'b', bytes: 'theirs b' });
    await removeOutside(at, 'c');
    platform.vendorCalls.length = 0;
    const { end, report } = await reconcile(at);
    expect(end).toEqual({ state: 'completed' });
    expect(report?.counts).toEqual({ new: 1, changed: 1, missing: 1 });
    expect(told(report)).toEqual(['changed b', 'missing c', 'new new']);
    expect(platform.vendorCalls).not.toContain('delete');
    expect(await read(platform, bucket, 'new')).toBe('theirs');
    expect((await recordOf(at, 'new')).metadata).toEqual({ by: 'them' });
    expect(await read(platform, bucket, 'b')).toBe('theirs b');
    expect(await codeOf(openObject(platform.engine, ACTOR, { bucket, key: 'c' }))).toBe('object-missing');
    expect(await listAll(platform, bucket)).toEqual(['a', 'b', 'c', 'd', 'new']);
    expect((await reconcile(at)).report?.counts).toEqual({ missing: 1 });
    await putOutside(backend, 'bucket', { key: 'c', bytes: 'c again' });
    expect((await reconcile(at)).report?.counts).toEqual({ changed: 1 });
    expect(await read(platform, bucket, 'c')).toBe('c again');
  });

  it('never deletes what others wrote, though others replaced it; what Spumoni wrote goes when its grace is over', async () => {
    const at = await stand(tokens);
    const { platform, backend, bucket } = at;
    const first = await putOutside(backend, 'bucket', { key: 'theirs', bytes: 'theirs 1' });
    await reconcile(at);
    await putOutside(backend, 'bucket', { key: 'theirs', bytes: 'theirs 2' });
    const ours = (await recordOf(at, 'b')).placement.token;
    await putOutside(backend, 'bucket', { key: 'b', bytes: 'over ours' });
    await reconcile(at);
    expect(await sweepAll(platform, bucket.id)).toEqual([]);
    expect(await read(platform, bucket, 'theirs')).toBe('theirs 2');
    const page = await backend.list(ACTOR, { container: 'bucket', include: 'everything', limit: 100 });
    const tokensThere = page.entries.map(({ token }) => token);
    if (tokens === 'version') expect(tokensThere).toContain(first);
    expect(tokensThere).not.toContain(ours);
  });

  it('does not bring back what a client deleted, nor take away what one is writing', async () => {
    const at = await stand(tokens);
    const { platform, bucket } = at;
    await removeObject(platform.engine, ACTOR, { bucket, key: 'a' });
    expect((await reconcile(at)).report?.counts).toEqual({});
    expect(await read(platform, bucket, 'a')).toBeUndefined();
    await putOutside(at.backend, 'bucket', { key: 'b', bytes: 'theirs' });
    const address: KeyAddress = { bucket: bucket.id, key: 'b' };
    const found = await platform.index.getKey(address);
    if (!found?.value.current) throw new Error('no record');
    const open = {
      writeId: 'w-open' as WriteId,
      kind: 'put' as const,
      candidate: found.value.current,
      baseRevision: found.value.revision,
      heartbeat: 0,
    };
    const next = { ...found.value, intents: [open] };
    await platform.index.changeKey(address, { expected: found.version, next, requireActive: true });
    expect((await reconcile(at)).report?.counts).toEqual({ skipped: 1 });
    expect((await recordOf(at, 'b')).etag).toBe(found.value.current.etag);
  });

  it.each(['gone', "another's"] as const)('leaves a container alone whose marker is %s', async (how) => {
    const at = await stand(tokens);
    const marker = at.bucket.containers[0]?.marker ?? '';
    await at.backend.delete(ACTOR, { container: 'bucket', key: MARKER_KEY, token: marker });
    const theirs = JSON.stringify({ format: 1, deployment: 'd2', bucket: at.bucket.id });
    if (how !== 'gone') await putOutside(at.backend, 'bucket', { key: MARKER_KEY, bytes: theirs });
    await removeOutside(at, 'c');
    const { end } = await reconcile(at);
    expect(end).toMatchObject({ state: 'failed', error: expect.stringContaining('marker') as unknown });
    expect((await recordOf(at, 'c')).missing).toBeUndefined();
  });

  it('never takes an outage for an absence', async () => {
    const at = await stand(tokens);
    await putOutside(at.backend, 'bucket', { key: 'b', bytes: 'theirs' });
    at.platform.fault = { operation: 'head', phase: 'before', error: new BackendError('unavailable', 'away') };
    expect(await codeOf(reconcile(at))).toBe('backend-unavailable');
    expect((await recordOf(at, 'b')).missing).toBeUndefined();
    at.platform.fault = { operation: 'list', phase: 'before', error: new BackendError('timeout', 'away') };
    expect(await codeOf(reconcile(at))).toBe('backend-unavailable');
  });

  it('goes on at its checkpoint, with its report', async () => {
    const at = await stand(tokens);
    for (let i = 0; i < 1_050; i += 1)
      await putOutside(at.backend, 'bucket', { key: `many/${String(i).padStart(5, '0')}`, bytes: 'x' });
    const first = new KeptReports(({ checkpoint }) => (checkpoint ? 'pause' : 'run'));
    expect((await reconcile(at, first)).end).toEqual({ state: 'paused' });
    const second = new KeptReports();
    second.checkpoint = first.checkpoint;
    at.platform.vendorCalls.length = 0;
    const { end, report } = await reconcile(at, second);
    expect(end).toEqual({ state: 'completed' });
    expect(report?.counts).toEqual({ new: 1_050 });
    expect(report?.first).toHaveLength(100);
    expect(at.platform.vendorCalls.filter((call) => call === 'head').length).toBeLessThan(200);
    expect(await listAll(at.platform, at.bucket)).toHaveLength(1_054);
  });
});

describe('reconciling where versions are kept', () => {
  it('tells of an object that others deleted by a marker, and goes on serving it', async () => {
    const at = await stand('version');
    await at.backend.conceal(ACTOR, 'bucket', 'b');
    expect(told((await reconcile(at)).report)).toEqual(['hidden b']);
    expect(await read(at.platform, at.bucket, 'b')).toBe('ours b');
  });

  it('deletes a late write of a dead writer beneath a newer one, and only tells of one that stands', async () => {
    const at = await stand('version');
    const { platform, backend, bucket } = at;
    const late = async (key: string): Promise<void> => {
      const writeId = newWriteIdFor(platform.engine, { bucket: bucket.id, key });
      await putOutside(backend, 'bucket', { key, bytes: 'late', attributes: { writeId } });
    };
    await late('a');
    await write(platform, bucket, 'a', 'newer');
    await late('b');
    await late('nothing there');
    expect(told((await reconcile(at)).report)).toEqual(['orphan b', 'orphan nothing there']);
    platform.time.now += 200_000;
    expect(told((await reconcile(at)).report)).toEqual(['orphan b', 'orphan nothing there', 'removed a']);
    expect(await read(platform, bucket, 'a')).toBe('newer');
    expect(await read(platform, bucket, 'b')).toBe('ours b');
    expect(await read(platform, bucket, 'nothing there')).toBeUndefined();
    const seen = await seenOutside(backend, 'bucket');
    expect(seen.get('nothing there')).toBe('late');
  });

  it("takes a copy that bears another key's stamp for what it is: an object of others", async () => {
    const at = await stand('version');
    const { placement } = await recordOf(at, 'a');
    await putOutside(at.backend, 'bucket', {
      key: 'copy',
      bytes: 'ours a',
      attributes: { writeId: placement.writeId },
    });
    await putOutside(at.backend, 'bucket', { key: 'b', bytes: 'ours a', attributes: { writeId: placement.writeId } });
    await putOutside(at.backend, 'bucket', { key: 'b', bytes: 'newest' });
    at.platform.time.now += 200_000;
    expect(told((await reconcile(at)).report)).toEqual(['changed b', 'new copy']);
    const page = await at.backend.list(ACTOR, { container: 'bucket', include: 'everything', limit: 100, prefix: 'b' });
    expect(page.entries).toHaveLength(3);
  });

  it('keeps an older version of others that came before', async () => {
    const at = await stand('version');
    await putOutside(at.backend, 'bucket', { key: 'theirs', bytes: 'v1' });
    await putOutside(at.backend, 'bucket', { key: 'theirs', bytes: 'v2' });
    at.platform.time.now += 200_000;
    expect(told((await reconcile(at)).report)).toEqual(['new theirs']);
    const page = await at.backend.list(ACTOR, {
      container: 'bucket',
      include: 'everything',
      limit: 9,
      prefix: 'theirs',
    });
    expect(page.entries).toHaveLength(2);
  });
});

describe('reconciling where objects lie under ids', () => {
  it('marks what is gone, and finds it again', async () => {
    const at = await stand('id');
    const { placement } = await recordOf(at, 'b');
    await at.backend.delete(ACTOR, placement);
    expect(told((await reconcile(at)).report)).toEqual(['missing b']);
    expect((await recordOf(at, 'b')).missing).toBe(true);
    expect(await read(at.platform, at.bucket, 'a')).toBe('ours a');
  });
});
