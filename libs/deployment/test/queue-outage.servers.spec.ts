import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createBucket, type OperationContext } from '#libs/objects';
import { findProgram, startRedis, type RunningRedis } from '../../../test/servers/index.js';
import { startWork, type MigrationView, type OpenDeployment, type WorkUnderWay } from '../src/index.js';
import { Client } from './objects.js';
import { administrator, Stand } from './stand.js';

const QUICK = {
  SPUMONI_GARBAGE_GRACE_SECONDS: '0',
  SPUMONI_HEARTBEAT_SECONDS: '0.05',
  SPUMONI_DEAD_AFTER_SECONDS: '0.3',
  SPUMONI_SWEEP_SECONDS: '0.2',
};
/** Two seconds for the queue, and what a busy machine adds: far from for ever. */
const PROMPT_MS = 40_000;

describe('a deployment whose queue is in Redis', () => {
  if (!findProgram('redis-server')) {
    it.skip('loses no job with it [skipped: redis-server is not installed]', () => undefined);
    return;
  }
  const stand = new Stand();
  let redis: RunningRedis;
  let deployment: OpenDeployment;
  let context: OperationContext;
  let work: WorkUnderWay | undefined;
  let made = 0;
  beforeAll(async () => {
    redis = await startRedis();
    await stand.start();
    deployment = await stand.fresh({ ...QUICK, SPUMONI_REDIS_URL: redis.url });
    context = await administrator(deployment);
    await deployment.backends.register('test', {
      name: 'second',
      type: 'filesystem',
      options: { path: stand.path('second') },
    });
  }, 60_000);
  afterAll(async () => {
    await work?.stop();
    await stand.dispose();
    await redis.stop();
  });

  /** A migration of one object, as a user begins it. */
  async function begin(): Promise<MigrationView> {
    made += 1;
    const bucket = `moving-${made}`;
    await createBucket(deployment.engine, context, { name: bucket, backend: 'local' });
    await new Client(deployment, context, bucket).put('key', 'text');
    return deployment.migrations.start(context, { bucket, destination: { backend: 'second' } });
  }

  async function stateAtTheEnd(
    jobs: { watch(id: string): AsyncIterable<{ readonly state: string }> },
    id: string,
  ): Promise<string> {
    let last = '';
    for await (const { state } of jobs.watch(id)) last = state;
    return last;
  }

  it('runs a job that the queue forgot before any worker was there', async () => {
    const { id } = await begin();
    await redis.command('FLUSHALL');
    work = await startWork(deployment);
    expect(await stateAtTheEnd(deployment.migrations, id)).toBe('completed');
  });

  it('runs a job that the queue forgot under its workers, at run time', async () => {
    // One that never came to the queue at all, as after a loss in the very moment.
    const payload = { bucket: '00000000-0000-4000-8000-000000000000' };
    const { id } = await deployment.controlPlane.jobs.create({ type: 'lifecycle-run', payload });
    await redis.command('FLUSHALL');
    expect(await stateAtTheEnd(deployment.jobs, id)).toBe('completed');
  });

  it('takes jobs while Redis is away, says in time that it is, and runs them once it is back, nothing restarted', async () => {
    await redis.kill();
    const begun = performance.now();
    const waiting = await begin();
    expect(waiting.state).toBe('planned');
    expect(performance.now() - begun).toBeLessThan(PROMPT_MS);
    expect(await deployment.readiness()).toMatchObject({ ready: true, checks: { queue: false } });
    await redis.restart();
    expect(await stateAtTheEnd(deployment.migrations, waiting.id)).toBe('completed');
    expect(await deployment.readiness()).toMatchObject({ ready: true, checks: { queue: true } });
  });

  it('takes jobs while Redis stands still, says in time that it does, and runs them once it goes on, nothing restarted', async () => {
    redis.pause();
    try {
      const waiting = begin();
      expect(await deployment.readiness()).toMatchObject({ ready: true, checks: { queue: false } });
      expect((await waiting).state).toBe('planned');
    } finally {
      redis.resume();
    }
    const { id } = await begin();
    expect(await stateAtTheEnd(deployment.migrations, id)).toBe('completed');
    for (const { id: each } of (await deployment.jobs.list({ limit: 100 })).items)
      expect(await stateAtTheEnd(deployment.jobs, each)).toBe('completed');
  });

  it('goes on with a fresh Redis, empty, in place of the old one', async () => {
    await redis.kill();
    const waiting = await begin();
    await redis.restart();
    await redis.command('FLUSHALL');
    expect(await stateAtTheEnd(deployment.migrations, waiting.id)).toBe('completed');
  });
});
