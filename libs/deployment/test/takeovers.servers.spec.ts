import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  changeBucket,
  listObjects,
  MARKER_KEY,
  openBucket,
  type CrashPoint,
  type OperationContext,
} from '#libs/objects';
import { findServer, startMinio, type AccessKeys, type RunningServer } from '../../../test/servers/index.js';
import { Housekeeping, runJob, type OpenDeployment } from '../src/index.js';
import { systemClock } from '../src/runtime/system-clock.js';
import { administrator, MovableClock, Stand } from './stand.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;
const absent = findServer('minio') ? '' : ' [skipped: minio is not installed]';

(absent === '' ? describe : describe.skip)(`taking over what exists, as jobs on MinIO${absent}`, () => {
  const stand = new Stand();
  const clock = new MovableClock(
    systemClock((error) => {
      throw error;
    }),
  );
  let server: RunningServer<AccessKeys>;
  let sdk: S3Client;
  let deployment: OpenDeployment;
  let context: OperationContext;
  let crashAt: CrashPoint | undefined;
  let crashed = Promise.withResolvers<undefined>();

  beforeAll(async () => {
    server = await startMinio();
    const { accessKey: accessKeyId, secretKey: secretAccessKey } = server.credentials;
    const credentials = { accessKeyId, secretAccessKey };
    sdk = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
    await stand.start();
    // A crash kills the process: what would clean up after a failure never runs.
    const reach = (point: CrashPoint): Promise<void> | undefined => {
      if (point !== crashAt) return undefined;
      crashed.resolve(undefined);
      return new Promise<void>(() => undefined);
    };
    deployment = await stand.fresh({ SPUMONI_RECONCILE_EVERY_SECONDS: '3600' }, { clock, reach });
    context = await administrator(deployment);
    await deployment.backends.register('test', {
      name: 'company',
      type: 's3',
      profile: 'minio',
      endpoint: server.endpoint,
      region: 'us-east-1',
      credentials: server.credentials,
      options: { insecure: true },
    });
  }, 120_000);
  afterAll(async () => {
    sdk.destroy();
    await stand.dispose();
    await server.stop();
  }, 60_000);
  beforeEach(() => {
    crashAt = undefined;
    crashed = Promise.withResolvers();
  });

  function housekeeping(): Housekeeping {
    const { lifecycleEveryMs } = deployment.settings;
    return new Housekeeping({
      ...deployment,
      lifecycleEveryMs,
      repairAfterMs: 5 * MINUTE,
      auditKeptMs: 30 * DAY,
      eventsKeptMs: 7 * DAY,
    });
  }

  async function fill(Bucket: string, objects: number): Promise<void> {
    await sdk.send(new CreateBucketCommand({ Bucket }));
    for (let i = 0; i < objects; i += 1)
      await sdk.send(
        new PutObjectCommand({ Bucket, Key: `k/${String(i).padStart(4, '0')}`, Body: `body ${String(i)}` }),
      );
  }

  async function keysOf(Bucket: string): Promise<string[]> {
    const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket }));
    return Contents.map(({ Key = '' }) => Key);
  }

  const adopt = (name: string, as: OperationContext = context) =>
    deployment.takeovers.adopt(as, {
      name,
      backend: 'company',
      adopt: { container: `${name}-box`, versioning: 'enable' },
    });

  it('is for administrators, and shows what there is to take', async () => {
    await fill('mine-box', 1);
    const user = { requestId: 'test', actor: { userId: 'somebody', isAdmin: false } };
    await expect(adopt('mine', user)).rejects.toMatchObject({ code: 'access-denied' });
    const { items } = await deployment.takeovers.discover(context, 'company', { limit: 10 });
    expect(items).toMatchObject([
      { container: 'mine-box', versioned: false, owner: { kind: 'nobody' }, adoptable: true },
    ]);
    await expect(deployment.takeovers.discover(context, 'nowhere', { limit: 10 })).rejects.toMatchObject({
      code: 'no-such-backend',
    });
  });

  it('goes on in another worker where one was stopped, and counts each object once', async () => {
    await fill('photos-box', 60);
    const { bucket, job } = await adopt('photos');
    expect(await deployment.takeovers.adoptionOf(bucket.id)).toEqual({ state: 'planned', jobId: job.id });
    const stop = new AbortController();
    let heads = 0;
    const stopping = {
      ...deployment,
      engine: {
        ...deployment.engine,
        newWriteId: () => {
          heads += 1;
          if (heads === 30) stop.abort(new Error('the worker is stopping'));
          return deployment.engine.newWriteId();
        },
      },
    };
    expect(await runJob(stopping, job.id, 'first', stop.signal)).toBe('released');
    const listed = async (): Promise<number> => {
      const newest = await openBucket(deployment.engine, context, 'photos');
      return (await listObjects(deployment.engine, { bucket: newest, maxKeys: 1000 })).objects.length;
    };
    expect(await listed()).toBeLessThan(60);
    expect(await runJob(deployment, job.id, 'second')).toBe('completed');
    expect(await listed()).toBe(60);
    const view = await deployment.jobs.get(job.id);
    expect(view).toMatchObject({ type: 'adopt', state: 'completed', objects: { total: 60, done: 60, failed: 0 } });
    expect(await deployment.takeovers.adoptionOf(bucket.id)).toBeUndefined();
    await expect(deployment.takeovers.resume(context, 'photos')).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('is compared again and again on schedule, and reports what it found', async () => {
    await sdk.send(new PutObjectCommand({ Bucket: 'photos-box', Key: 'k/outside', Body: 'outside' }));
    expect((await deployment.jobs.list({ limit: 9, type: 'reconcile' })).items).toEqual([]);
    clock.move(HOUR + MINUTE);
    await housekeeping().run();
    const due = (await deployment.jobs.list({ limit: 9, type: 'reconcile', bucket: 'photos' })).items;
    expect(due).toMatchObject([{ state: 'planned', bucket: 'photos' }]);
    await housekeeping().run();
    expect((await deployment.jobs.list({ limit: 9, type: 'reconcile', bucket: 'photos' })).items).toHaveLength(1);
    expect(await runJob(deployment, due[0]?.id ?? '', 'worker')).toBe('completed');
    expect((await deployment.jobs.get(due[0]?.id ?? '')).report).toEqual({
      counts: { new: 1 },
      first: [{ key: 'k/outside', kind: 'new' }],
    });
  });

  it('begins the job again that a crash kept from being made', async () => {
    await fill('crashed-box', 2);
    const { bucket, job } = await adopt('crashed');
    await deployment.jobs.cancel(job.id);
    expect(await deployment.takeovers.adoptionOf(bucket.id)).toEqual({ state: 'cancelled', jobId: job.id });
    const again = await deployment.takeovers.resume(context, 'crashed');
    expect(again.id).not.toBe(job.id);
    expect(await runJob(deployment, again.id, 'worker')).toBe('completed');
    await changeBucket(deployment.engine, bucket.id, (current) => ({
      ...current,
      containers: current.containers.map((container) => ({ ...container, adopting: true as const })),
    }));
    await expect(deployment.takeovers.reconcile(context, 'crashed')).rejects.toMatchObject({
      code: 'adoption-unfinished',
    });
    await expect(
      deployment.migrations.start(context, { bucket: 'crashed', destination: { backend: 'local' } }),
    ).rejects.toMatchObject({ code: 'adoption-unfinished' });
  });

  it.each(['bucket-reserved', 'container-marked'] as const)(
    'undoes an adoption that died at %s: the objects stay, the marker goes, and it can be taken over',
    async (point) => {
      const name = `half-${point}`;
      await fill(`${name}-box`, 2);
      const before = await keysOf(`${name}-box`);
      crashAt = point;
      void adopt(name).catch(() => undefined);
      await crashed.promise;
      crashAt = undefined;
      const keeper = housekeeping();
      await keeper.run();
      clock.move(6 * MINUTE);
      const { repairs } = await keeper.run();
      expect(repairs).toMatchObject([{ bucket: name, done: 'creation undone' }]);
      expect(await keysOf(`${name}-box`)).toEqual(before);
      const { job } = await adopt(name);
      expect(await runJob(deployment, job.id, 'worker')).toBe('completed');
      expect(await keysOf(`${name}-box`)).toEqual([MARKER_KEY, ...before]);
    },
    30_000,
  );
});
