import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findProgram, findServer } from '../servers/index.js';
import { objectPath } from './client.js';
import { Production } from './production/production.js';
import { until } from './running-spumoni.js';

const missing = [
  ...(findServer('ferretdb') ? [] : ['ferretdb']),
  ...(findProgram('redis-server') ? [] : ['redis-server']),
];
const absent = missing.length === 0 ? '' : ` [skipped: ${missing.join(' and ')} is not installed]`;
const OBJECTS = 200;

(absent === '' ? describe : describe.skip)(`processes whose stores have all gone for good${absent}`, () => {
  let production: Production;
  beforeAll(async () => {
    production = await Production.start();
  }, 150_000);
  afterAll(() => production.stop(), 60_000);

  it('end when they are told to, in the middle of a job and without one, before they know and after', async () => {
    const api = await production.run('api');
    // One of them will have the job, the other none.
    const early = await production.run('worker');
    const late = await production.run('worker');
    const client = production.client(api);
    for (const name of ['one', 'two']) {
      const json = { name, type: 'filesystem', options: { path: production.path(name) } };
      await client.expect(201, 'POST', '/admin/v1/backends', { json });
    }
    await client.expect(200, 'PUT', '/v1/leaving', { json: { name: 'leaving', backend: 'one' } });
    for (let n = 0; n < OBJECTS; n += 1)
      await client.expect(200, 'PUT', objectPath('leaving', `k${String(n)}`), { body: 'text' });
    const json = { bucket: 'leaving', destination: { backend: 'two' } };
    const { id } = (await client.expect(202, 'POST', '/admin/v1/migrations', { json })).json() as { id: string };
    await until('the migration is under way', 120_000, async () => {
      const found = (await client.expect(200, 'GET', `/admin/v1/migrations/${id}`)).json() as {
        state: string;
        objects: { done: number };
      };
      return found.state === 'completed' || found.objects.done > 0;
    });
    const { postgres, redis, mongodb } = production.stores;
    await Promise.all([postgres.kill(), redis.kill(), mongodb.kill()]);
    // One is told before it can know, the others when they do. Each fails that has not ended after two minutes.
    expect(await early.stop()).not.toBeNull();
    for (const program of [late, api])
      await until('it knows', 120_000, async () => (await program.readiness()).status !== 200);
    expect(await Promise.all([late, api].map((program) => program.stop()))).not.toContain(null);
  }, 400_000);
});
