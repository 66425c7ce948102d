import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createBucket, deleteBucket, type CrashPoint, type OperationContext } from '#libs/objects';
import { Housekeeping, runJob, type OpenDeployment } from '../src/index.js';
import { reachOf } from '../src/runtime/crash-at.js';
import { systemClock } from '../src/runtime/system-clock.js';
import { Client } from './objects.js';
import { administrator, MovableClock, Stand } from './stand.js';

const DAY = 86_400_000;
const MINUTE = 60_000;

/** The process that did it is as good as dead: nothing after the point happens. */
class Crash extends Error {}

describe('housekeeping', () => {
  const stand = new Stand();
  const clock = new MovableClock(
    systemClock((error) => {
      throw error;
    }),
  );
  let deployment: OpenDeployment;
  let context: OperationContext;
  let crashAt: CrashPoint | undefined;

  beforeAll(async () => {
    await stand.start();
    // A crash kills the process: what would clean up after a failure never runs. Here it is left hanging instead.
    const reach = (point: CrashPoint): Promise<void> | undefined => {
      if (point !== crashAt) return undefined;
      crashed.resolve(undefined);
      return new Promise<void>(() => undefined);
    };
    deployment = await stand.fresh({ SPUMONI_GARBAGE_GRACE_SECONDS: '0' }, { clock, reach });
    context = await administrator(deployment);
    await deployment.backends.register('test', {
      name: 'second',
      type: 'filesystem',
      options: { path: stand.path('second') },
    });
  });
  afterAll(() => stand.dispose());

  let crashed = Promise.withResolvers<undefined>();
  beforeEach(() => {
    crashAt = undefined;
    crashed = Promise.withResolvers();
  });

  function housekeeping(engine = deployment.engine): Housekeeping {
    const { lifecycleEveryMs } = deployment.settings;
    return new Housekeeping({
      ...deployment,
      engine,
      lifecycleEveryMs,
      repairAfterMs: 5 * MINUTE,
      auditKeptMs: 30 * DAY,
      eventsKeptMs: 7 * DAY,
    });
  }

  /** Does the work until it would die at that point. */
  async function crashAtPoint(point: CrashPoint, work: () => Promise<unknown>): Promise<void> {
    crashAt = point;
    const ended = work().then(() => {
      throw new Crash(`it ended without reaching ${point}`);
    });
    await Promise.race([crashed.promise, ended]);
    crashAt = undefined;
  }

  async function containers(): Promise<string[]> {
    const { id } = await deployment.backends.get('local');
    const backend = await deployment.engine.backends.open(id);
    return (await backend.listContainers({ requestId: 'test' })).map(({ name }) => name);
  }

  it.each(['bucket-reserved', 'container-created', 'container-marked'] as const)(
    'undoes a creation that died at %s, and not before it is surely dead (A2.12)',
    async (point) => {
      const name = `born-${point}`;
      await crashAtPoint(point, () => createBucket(deployment.engine, context, { name, backend: 'local' }));
      const keeper = housekeeping();
      expect((await keeper.run()).repairs).toEqual([]);
      clock.move(4 * MINUTE);
      expect((await keeper.run()).repairs).toEqual([]);
      expect(await deployment.controlPlane.buckets.find(name)).toMatchObject({ state: 'creating' });
      clock.move(2 * MINUTE);
      expect((await keeper.run()).repairs).toEqual([{ bucket: name, done: 'creation undone' }]);
      expect(await deployment.controlPlane.buckets.find(name)).toBeUndefined();
      expect(await containers()).not.toContain(name);
      await createBucket(deployment.engine, context, { name, backend: 'local' });
    },
  );

  it('leaves a container alone that somebody else made meanwhile under the name of a dead creation', async () => {
    await crashAtPoint('bucket-reserved', () =>
      createBucket(deployment.engine, context, { name: 'taken', backend: 'local' }),
    );
    const { id } = await deployment.backends.get('local');
    const backend = await deployment.engine.backends.open(id);
    await backend.createContainer({ requestId: 'test' }, { container: 'taken' });
    const attributes = { headers: {}, metadata: {}, tags: {} };
    await backend.put({ requestId: 'test' }, { container: 'taken', key: 'theirs', body: Buffer.from('x'), attributes });
    const row = await deployment.controlPlane.buckets.get('taken');
    const found = await deployment.engine.index.getBucket(row.id);
    if (found === undefined) throw new Error('the document is there');
    const planned = { backend: id, container: 'taken', marker: '' };
    await deployment.engine.index.changeBucket(row.id, found.version, { ...found.value, containers: [planned] });
    const keeper = housekeeping();
    await keeper.run();
    clock.move(6 * MINUTE);
    expect((await keeper.run()).repairs).toEqual([{ bucket: 'taken', done: 'creation undone' }]);
    const listing = await backend.list({ requestId: 'test' }, { container: 'taken', include: 'everything', limit: 10 });
    expect(listing.entries.map(({ key }) => key)).toEqual(['theirs']);
  });

  it.each(['bucket-marked-deleting', 'container-deleted'] as const)(
    'finishes a deletion that died at %s',
    async (point) => {
      const name = `gone-${point}`;
      const { bucket } = await createBucket(deployment.engine, context, { name, backend: 'local' });
      await crashAtPoint(point, () => deleteBucket(deployment.engine, context, bucket.id));
      const keeper = housekeeping();
      await keeper.run();
      clock.move(6 * MINUTE);
      expect((await keeper.run()).repairs).toEqual([{ bucket: name, done: 'deletion finished' }]);
      expect(await deployment.controlPlane.buckets.find(name)).toBeUndefined();
      expect(await containers()).not.toContain(name);
    },
  );

  /** Migrates an empty bucket, which leaves its container to be removed. */
  async function migrated(bucket: string, backend: string): Promise<void> {
    const { id } = await deployment.migrations.start(context, { bucket, destination: { backend } });
    expect(await runJob(deployment, id, 'one')).toBe('completed');
  }

  it('removes what migrations left, also after one that died when the container was gone and the bucket still named it', async () => {
    const name = 'moved-on';
    const { bucket } = await createBucket(deployment.engine, context, { name, backend: 'local' });
    for (const backend of ['second', 'local', 'second']) await migrated(name, backend);
    const named = async () => (await deployment.engine.index.getBucket(bucket.id))?.value.containers ?? [];
    const [first, ...others] = await named();
    expect([first?.retiring, others.map(({ retiring }) => retiring)]).toEqual([true, [true, true, undefined]]);
    const { id } = await deployment.backends.get('local');
    const backend = await deployment.engine.backends.open(id);
    const { container = '' } = first ?? {};
    const call = { requestId: 'test' };
    const { entries } = await backend.list(call, { container, include: 'everything', limit: 10 });
    for (const { key, token } of entries) await backend.delete(call, { container, key, token });
    await backend.deleteContainer(call, container);
    expect(await housekeeping().run()).toMatchObject({ containersRemoved: 3, failures: [] });
    expect(await named()).toEqual(others.slice(-1));
  });

  it('of one container that fails goes on with the others of the bucket', async () => {
    const name = 'moved-from';
    await createBucket(deployment.engine, context, { name, backend: 'local' });
    for (const backend of ['second', 'local', 'second']) await migrated(name, backend);
    const { id } = await deployment.backends.get('second');
    const { engine } = deployment;
    const open = (backend: string): ReturnType<typeof engine.backends.open> =>
      backend === id ? Promise.reject(new Error('it is away')) : engine.backends.open(backend);
    const backends = { ...engine.backends, open };
    const report = await housekeeping({ ...engine, backends }).run();
    expect(report.containersRemoved).toBe(2);
    expect(new Set(report.failures.map(({ reason }) => reason))).toEqual(new Set(['it is away']));
    expect(await housekeeping().run()).toMatchObject({ containersRemoved: 1, failures: [] });
  });

  it('brings a row in line with an active bucket, and frees a name that nothing stands behind', async () => {
    const { bucket } = await createBucket(deployment.engine, context, { name: 'rowed', backend: 'local' });
    await deployment.controlPlane.buckets.update(bucket.id, { state: 'deleting' });
    const { ownerId } = bucket;
    const { id } = await deployment.backends.get('local');
    await deployment.controlPlane.buckets.create({
      name: 'bare',
      state: 'creating',
      ownerId,
      type: 'filesystem',
      backendId: id,
    });
    const keeper = housekeeping();
    await keeper.run();
    clock.move(6 * MINUTE);
    expect((await keeper.run()).repairs).toEqual([
      { bucket: 'bare', done: 'name freed' },
      { bucket: 'rowed', done: 'row brought in line with the index' },
    ]);
    expect(await deployment.controlPlane.buckets.get('rowed')).toMatchObject({ state: 'active' });
  });

  it('begins the lifecycle runs that are due, which expire and move what the rules say (A2.20)', async () => {
    await createBucket(deployment.engine, context, { name: 'aging', backend: 'local', policy: 'Gold' });
    const client = new Client(deployment, context, 'aging');
    for (const key of ['logs/1', 'logs/2', 'photos/1', 'photos/2', 'photos/3', 'else'])
      await client.put(key, `text of ${key}`);
    const rules = [
      { id: 'logs', enabled: true, filter: { prefix: 'logs/' }, expiration: { days: 10 } },
      {
        id: 'photos',
        enabled: true,
        filter: { prefix: 'photos/' },
        transitions: [{ days: 5, tier: 'Bronze', backend: 'second' }],
      },
    ];
    const { lifecycle, warnings } = await deployment.lifecycles.put(context, 'aging', { rules });
    expect({ warnings, rules: lifecycle.rules.length }).toEqual({ warnings: [], rules: 2 });
    const wrong = deployment.lifecycles.put(context, 'aging', { rules: [{ id: 'x', enabled: 'yes' }] });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid-lifecycle' });
    const early = await deployment.lifecycles.preview(context, 'aging');
    expect(early).toMatchObject({ objects: 6, expire: { objects: 0 }, transition: { objects: 0 }, items: [] });
    expect(early.nextDue).toBeDefined();
    const keeper = housekeeping();
    expect((await keeper.run()).lifecycleRuns).toBe(0);
    clock.move(12 * DAY);
    const preview = await deployment.lifecycles.preview(context, 'aging');
    expect(preview).toMatchObject({ expire: { objects: 2 }, transition: { objects: 3 } });
    expect(preview.items[0]).toMatchObject({ key: 'logs/1', action: { kind: 'expire', ruleId: 'logs' } });
    expect((await keeper.run()).lifecycleRuns).toBe(1);
    const { items } = await deployment.lifecycles.runs(context, 'aging', { limit: 10 });
    expect(items).toHaveLength(1);
    expect((await deployment.lifecycles.run(context, 'aging')).id).toBe(items[0]?.id);
    expect(await runJob(deployment, items[0]?.id ?? '', 'one')).toBe('completed');
    expect(await client.keys()).toEqual(['else', 'photos/1', 'photos/2', 'photos/3']);
    expect(await client.places()).toEqual({ local: 1, second: 3 });
    expect(await client.get('photos/2')).toBe('text of photos/2');
    expect(await deployment.jobs.get(items[0]?.id ?? '')).toMatchObject({
      state: 'completed',
      objects: { total: 5, done: 5, failed: 0 },
      bucket: 'aging',
    });
    expect((await keeper.run()).lifecycleRuns).toBe(0);
  });

  it('deletes what was replaced once its grace is over', async () => {
    await createBucket(deployment.engine, context, { name: 'tidy', backend: 'local' });
    const client = new Client(deployment, context, 'tidy');
    await client.put('a', 'old');
    await client.put('a', 'new');
    clock.move(MINUTE);
    expect((await housekeeping().run()).sweep).toMatchObject({ garbageDeleted: 1, failures: [] });
    expect(await client.get('a')).toBe('new');
  });
});

describe('the crash setting', () => {
  it('names its points where it is wrong, and does nothing in another role or at another time', () => {
    const directory = mkdtempSync(join(tmpdir(), 'spumoni-crash-'));
    expect(() => reachOf('nowhere', 'api', directory)).toThrow(/SPUMONI_CRASH_AT: expected .*intent-recorded, /);
    expect(reachOf(undefined, 'api', directory)('committed', 'k')).toBeUndefined();
    expect(reachOf('committed@worker', 'api', directory)('committed', 'k')).toBeUndefined();
    expect(reachOf('committed:2@api', 'api', directory)('committed', 'k')).toBeUndefined();
    rmSync(directory, { recursive: true });
  });
});
