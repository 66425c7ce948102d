import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createBucket, openBucket, restampObject, type CrashPoint, type OperationContext } from '#libs/objects';
import { Housekeeping, runJob, startWork, type OpenDeployment } from '../src/index.js';
import { systemClock } from '../src/runtime/system-clock.js';
import { Client } from './objects.js';
import { administrator, MovableClock, Stand } from './stand.js';

const OBJECTS = 130;
const DAY = 86_400_000;
const QUICK = {
  SPUMONI_GARBAGE_GRACE_SECONDS: '0',
  SPUMONI_HEARTBEAT_SECONDS: '0.05',
  // Who stands still for a moment, as this process may, is not dead; where one is to be, the test says so.
  SPUMONI_DEAD_AFTER_SECONDS: '60',
};

/** Called at points of the domain: what a test wants done there, if anything. */
let atPoint: (point: CrashPoint, about: string) => Promise<void> | void = () => undefined;

describe('another meaning of a tier, or another tier of a bucket', () => {
  const stand = new Stand();
  const clock = new MovableClock(
    systemClock((error) => {
      throw error;
    }),
  );
  let deployment: OpenDeployment;
  let context: OperationContext;
  let client: Client;
  let bucket = '';
  let made = 0;

  beforeAll(async () => {
    await stand.start();
    deployment = await stand.fresh(QUICK, { clock, reach: (point, about) => atPoint(point, about) });
    context = await administrator(deployment);
  }, 120_000);
  afterAll(() => stand.dispose(), 60_000);

  beforeEach(async () => {
    atPoint = () => undefined;
    made += 1;
    bucket = `tiered-${made}`;
    await createBucket(deployment.engine, context, { name: bucket, backend: 'local', policy: 'Gold' });
    client = new Client(deployment, context, bucket);
  });

  async function fill(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await client.put(`k/${String(n).padStart(4, '0')}`, `text of ${n}`);
  }

  async function tiers(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const { id } = await openBucket(deployment.engine, context, bucket);
    for (const { document } of await deployment.engine.index.scan(id, { limit: 1000 }))
      counts[document.current?.tier ?? 'none'] = (counts[document.current?.tier ?? 'none'] ?? 0) + 1;
    return counts;
  }

  const run = (id: string, worker = 'one', signal?: AbortSignal) => runJob(deployment, id, worker, signal);

  it('moves nothing by itself, says beforehand what a retier would do, and tells fees of the vendors', async () => {
    await fill(3);
    const { engine, retiers } = deployment;
    await restampObject(engine, context, {
      bucket: await openBucket(engine, context, bucket),
      ...{ key: 'k/0002', storageClass: 'Gold' },
    });
    const as = await retiers.preview(context, bucket, { policy: 'silver' });
    expect(as).toEqual({
      ...{ bucket, policy: 'Silver', looked: 3, warnings: [], next: null },
      change: { objects: 0, bytes: 0 },
      rename: { objects: 2, bytes: 18 },
      groups: [
        {
          ...{ backend: 'local', tier: 'Gold', storageClass: 'STANDARD', to: 'STANDARD', objects: 2, bytes: 18 },
          ...{ early: { objects: 0, bytes: 0 }, small: { objects: 0, bytes: 0 }, warnings: [] },
        },
      ],
      leftAlone: { own: { objects: 1, bytes: 9 }, archived: { objects: 0, bytes: 0, keys: [] } },
    });
    expect(await retiers.setPolicy(context, bucket, 'silver')).toEqual({ bucket, policy: 'Silver' });
    expect(await retiers.policyOf(context, bucket)).toEqual({ bucket, policy: 'Silver' });
    expect((await deployment.controlPlane.buckets.get(bucket)).policy).toBe('Silver');
    expect(await tiers()).toEqual({ Gold: 3 });
    await client.put('new', 'by the new policy');
    expect(await tiers()).toEqual({ Gold: 3, Silver: 1 });
    await expect(deployment.tiers.remove('Silver')).rejects.toMatchObject({ code: 'tier-in-use' });
    const job = await retiers.begin(context, bucket);
    expect((await retiers.begin(context, bucket)).id).toBe(job.id);
    expect(await run(job.id)).toBe('completed');
    expect(await deployment.jobs.get(job.id)).toMatchObject({
      ...{ type: 'retier', state: 'completed', bucket, objects: { total: 2, done: 2, failed: 0 } },
      report: { counts: { own: 1 }, first: [{ key: 'k/0002', kind: 'own' }] },
    });
    expect(await tiers()).toEqual({ Gold: 1, Silver: 3 });
    expect(await client.contents()).toEqual(client.believed);
    expect((await retiers.runs(context, bucket, { limit: 10 })).items.map(({ id }) => id)).toEqual([job.id]);
  });

  it('leaves alone what a lifecycle rule took to its tier before records said so, and says so beforehand', async () => {
    const { retiers, lifecycles } = deployment;
    // As an earlier version left them: in another tier than the bucket's, and nothing says by whom.
    await retiers.setPolicy(context, bucket, 'Silver');
    await fill(3);
    await retiers.setPolicy(context, bucket, 'Gold');
    const transitions = [{ days: 0, tier: 'Silver' }];
    const rules = [{ id: 'down', enabled: true, filter: { prefix: 'k/0001' }, transitions }];
    await lifecycles.put(context, bucket, { rules });
    const { rename, leftAlone } = await retiers.preview(context, bucket);
    expect([rename.objects, leftAlone.own.objects]).toEqual([2, 1]);
    const { id } = await retiers.begin(context, bucket);
    expect(await run(id)).toBe('completed');
    expect((await deployment.jobs.get(id)).report).toEqual({
      counts: { own: 1 },
      first: [{ key: 'k/0001', kind: 'own' }],
    });
    expect(await tiers()).toEqual({ Gold: 2, Silver: 1 });
  });

  it('says of each bucket of a tier what another meaning would change, and begins their retiers', async () => {
    await fill(2);
    await deployment.tiers.put('Company', { classes: { aws: 'STANDARD_IA' } });
    await deployment.retiers.setPolicy(context, bucket, 'Company');
    const page = { limit: 10 };
    const items = [expect.objectContaining({ bucket, policy: 'Company', looked: 2, next: null })];
    expect(await deployment.retiers.previewTier(context, 'company', page)).toEqual({ items });
    expect(await deployment.retiers.previewTier(context, 'company', { ...page, classes: { aws: 'STANDARD' } })).toEqual(
      { items },
    );
    const wrong = deployment.retiers.previewTier(context, 'Company', { ...page, classes: { aws: 'Cool' } });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid-tier' });
    const none = deployment.retiers.previewTier(context, 'Copper', page);
    await expect(none).rejects.toMatchObject({ code: 'no-such-tier' });
    const begun = await deployment.retiers.beginTier(context, 'Company', page);
    expect(begun.items).toHaveLength(1);
    expect(await run(begun.items[0]?.id ?? '')).toBe('completed');
    expect(await tiers()).toEqual({ Company: 2 });
  });

  it('refuses what there is not, what is not theirs, and a bucket that has no policy', async () => {
    const { retiers, engine } = deployment;
    await expect(retiers.setPolicy(context, bucket, 'Copper')).rejects.toMatchObject({ code: 'unknown-tier' });
    await expect(retiers.setPolicy(context, 'nowhere', 'Gold')).rejects.toMatchObject({ code: 'no-such-bucket' });
    const stranger = { ...context, actor: { userId: '0', isAdmin: false } };
    const denied = { code: 'access-denied' };
    await expect(retiers.policyOf(stranger, bucket)).rejects.toMatchObject(denied);
    await expect(retiers.setPolicy(stranger, bucket, 'Silver')).rejects.toMatchObject(denied);
    await expect(retiers.preview(stranger, bucket)).rejects.toMatchObject(denied);
    await expect(retiers.begin(stranger, bucket)).rejects.toMatchObject(denied);
    await createBucket(engine, context, { name: `none-${made}`, backend: 'local' });
    await expect(retiers.begin(context, `none-${made}`)).rejects.toMatchObject({ code: 'unknown-tier' });
  });

  it(`goes on where a killed worker was, while a client writes, and leaves every object right (${OBJECTS})`, async () => {
    await fill(OBJECTS);
    await deployment.retiers.setPolicy(context, bucket, 'Bronze');
    const { id } = await deployment.retiers.begin(context, bucket);
    const asleep = Promise.withResolvers<undefined>();
    const wake = Promise.withResolvers<undefined>();
    let changed = 0;
    atPoint = async (point) => {
      if (point !== 'bytes-sent' || ++changed !== 100) return;
      asleep.resolve(undefined);
      await wake.promise;
    };
    const first = run(id, 'sleeper');
    await asleep.promise;
    const before = await deployment.controlPlane.jobs.get(id);
    expect(before.checkpoint).toMatchObject({ after: 'k/0063', counts: { objects: { done: 64 } } });
    // Stale by now for certain, also where the machine's clock goes back a little.
    const stolen = await deployment.controlPlane.jobs.claim(id, 'two', -60_000);
    if (stolen.outcome === 'claimed') await deployment.controlPlane.jobs.release(stolen.run, 'unfinished');
    atPoint = () => undefined;
    for (const key of ['k/0001', 'k/0100', 'k/0129']) await client.put(key, `rewritten ${key}`);
    const second = run(id, 'two');
    wake.resolve(undefined);
    // The sleeper wakes without its right to write.
    expect(await first).toBe('fenced');
    expect(await second).toBe('completed');
    expect(await tiers()).toEqual({ Bronze: OBJECTS });
    expect(await client.contents()).toEqual(new Map([...client.believed].toSorted()));
    const { objects } = await deployment.jobs.get(id);
    expect(objects.done).toBe(objects.total);
    expect(objects.failed).toBe(0);
  });

  it('stops when it is cancelled, and can be begun again', async () => {
    await fill(OBJECTS);
    await deployment.retiers.setPolicy(context, bucket, 'Silver');
    const { id } = await deployment.retiers.begin(context, bucket);
    let changed = 0;
    atPoint = async (point) => {
      if (point === 'committed' && ++changed === 20) await deployment.jobs.cancel(id);
    };
    expect(await run(id)).toBe('cancelled');
    expect((await tiers())['Gold']).toBeGreaterThan(0);
    const again = await deployment.retiers.begin(context, bucket);
    expect(again.id).not.toBe(id);
    expect(await run(again.id)).toBe('completed');
    expect(await tiers()).toEqual({ Silver: OBJECTS });
  });

  it('is encryption switched on, and what lies there encrypted by a job that a worker runs', async () => {
    await fill(30);
    const { engine, encryption, controlPlane } = deployment;
    await expect(encryption.encryptExisting(context, bucket)).rejects.toMatchObject({ code: 'wrong-state' });
    const { id } = await openBucket(engine, context, bucket);
    const { value, version } = (await engine.index.getBucket(id)) ?? { value: undefined, version: '' };
    if (value) await engine.index.changeBucket(id, version, { ...value, encrypted: true });
    const job = await encryption.encryptExisting(context, bucket);
    const work = await startWork(deployment);
    const states: string[] = [];
    for await (const { state } of deployment.jobs.watch(job.id)) states.push(state);
    await work.stop();
    expect(states.at(-1)).toBe('completed');
    for (const { document } of await engine.index.scan(id, { limit: 100 }))
      expect(document.current?.sealing).toBeDefined();
    expect(await client.contents()).toEqual(client.believed);
    expect((await encryption.encryptions(context, bucket, { limit: 5 })).items).toHaveLength(1);
    expect((await controlPlane.jobs.get(job.id)).progress.objects).toEqual({ total: 30, done: 30, failed: 0 });
  });

  it('brings the row of a bucket in line with its document, where a crash came between the two', async () => {
    const { id } = await openBucket(deployment.engine, context, bucket);
    await deployment.controlPlane.buckets.update(id, { policy: 'Bronze' });
    const housekeeping = new Housekeeping({
      ...deployment,
      ...{ lifecycleEveryMs: DAY, repairAfterMs: 60_000, auditKeptMs: DAY, eventsKeptMs: DAY },
    });
    expect((await housekeeping.run()).repairs).toEqual([]);
    clock.move(61_000);
    expect((await housekeeping.run()).repairs).toEqual([{ bucket, done: 'row brought in line with the index' }]);
    expect((await deployment.controlPlane.buckets.get(bucket)).policy).toBe('Gold');
  });
});
