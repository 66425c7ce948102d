import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findProgram, startRedis, type RunningRedis } from '../servers/index.js';
import { objectPath } from './client.js';
import { RunningSpumoni, until } from './running-spumoni.js';

const JOB_MS = 180_000;

/** A set-up of its own kind by configuration alone: Postgres and index as `npm start` has them, the queue outside. */
describe('npm start with its queue in a Redis', () => {
  if (!findProgram('redis-server')) {
    it.skip('moves a bucket [skipped: redis-server is not installed]', () => undefined);
    return;
  }
  const password = 'a-password-that-nobody-may-see';
  let redis: RunningRedis;
  let spumoni: RunningSpumoni | undefined;
  beforeAll(async () => {
    redis = await startRedis({ password });
    spumoni = await RunningSpumoni.start({ environment: { SPUMONI_REDIS_URL: redis.url, SPUMONI_SWEEP_SECONDS: '1' } });
  }, 150_000);
  afterAll(async () => {
    await spumoni?.stop();
    await redis.stop();
  });

  it('moves a bucket by jobs that Redis carries, over an outage, and never says the password', async () => {
    const running = spumoni;
    if (running === undefined) throw new Error('it did not start');
    const client = running.client();
    const options = { path: `${running.dataDirectory}/second` };
    await client.expect(201, 'POST', '/admin/v1/backends', { json: { name: 'second', type: 'filesystem', options } });
    await client.expect(200, 'PUT', '/v1/moved', { json: { name: 'moved', backend: 'local' } });
    await client.expect(200, 'PUT', objectPath('moved', 'key'), { body: 'text' });
    const migrate = async (backend: string): Promise<string> => {
      const json = { bucket: 'moved', destination: { backend } };
      return ((await client.expect(202, 'POST', '/admin/v1/migrations', { json })).json() as { id: string }).id;
    };
    const untilDone = (id: string): Promise<void> =>
      until('the migration is done', JOB_MS, async () => {
        const { state } = (await client.expect(200, 'GET', `/admin/v1/migrations/${id}`)).json() as { state: string };
        return state === 'completed';
      });
    await untilDone(await migrate('second'));
    expect(await redis.command('KEYS', 'spumoni:*')).not.toBe('*0');
    await redis.kill();
    const waiting = await migrate('local');
    await redis.restart();
    await untilDone(waiting);
    expect((await client.expect(200, 'GET', objectPath('moved', 'key'))).text()).toBe('text');
    expect(running.output).not.toContain(password);
  }, 150_000);
});
