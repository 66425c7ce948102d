import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findProgram, startRedis, type RunningRedis } from '../../../test/servers/index.js';
import { OutageStand } from './outage-stand.js';

describe('Redis, with the queue, goes away in the middle', () => {
  if (!findProgram('redis-server')) {
    it.skip('of jobs [skipped: redis-server is not installed]', () => undefined);
    return;
  }
  let stand: OutageStand;
  let redis: RunningRedis;
  beforeAll(async () => {
    redis = await startRedis();
    stand = await OutageStand.start({ SPUMONI_REDIS_URL: redis.url });
  }, 120_000);
  afterAll(async () => {
    await stand.dispose();
    await redis.stop();
  }, 120_000);

  it.each(['migration', 'adopt'] as const)(
    'of a job of type %s: it ends meanwhile, and is run by nobody again once the queue is back',
    async (type) => {
      const job = await stand.jobs[type]();
      const held = stand.hold(job.heldAt);
      const { id } = await job.begin();
      await held.middle;
      await redis.kill();
      held.release();
      await stand.untilDone(id);
      expect(await stand.deployment.readiness()).toMatchObject({ checks: { queue: false, controlPlane: true } });
      const { updatedAt } = await stand.deployment.jobs.get(id);
      await redis.restart();
      // Whatever the queue still carries of it comes before this one is done.
      await stand.assertRight(job, id);
      expect((await stand.deployment.jobs.get(id)).updatedAt).toBe(updatedAt);
    },
    240_000,
  );

  it('of a migration, together with Postgres: it goes on by itself once both are back, the queue empty', async () => {
    const job = await stand.jobs.migration();
    const held = stand.hold(job.heldAt);
    const { id } = await job.begin();
    await held.middle;
    await Promise.all([redis.kill(), stand.postgres.leave()]);
    held.release();
    await stand.writeUntilRefused(job.client);
    await Promise.all([redis.restart(), stand.postgres.start()]);
    await redis.command('FLUSHALL');
    await stand.untilDone(id);
    await stand.assertRight(job, id);
  }, 240_000);
});
