import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findProgram } from '../servers/index.js';
import { objectPath, type Answer, type Client } from './client.js';
import type { Program } from './production/program.js';
import { Production } from './production/production.js';
import { until } from './running-spumoni.js';
import { isInstalled } from './vendor-servers.js';

const OBJECTS = 300;
const JOB_MS = 150_000;
const NOTICED_MS = 90_000;

function codeOf(answer: Answer): unknown {
  return (answer.json() as { code?: unknown }).code;
}

interface Job {
  readonly id: string;
  readonly state: string;
}

describe('two APIs and two workers on Postgres, Redis and MongoDB, as docker-compose.yml has them', () => {
  if (!isInstalled('ferretdb')) return;
  if (!findProgram('redis-server')) {
    it.skip('do all that one does [skipped: redis-server is not installed]', () => undefined);
    return;
  }
  let production: Production;
  let apis: [Program, Program];
  let workers: [Program, Program];
  beforeAll(async () => {
    production = await Production.start();
    apis = await Promise.all([production.run('api'), production.run('api')]);
    workers = await Promise.all([production.run('worker'), production.run('worker')]);
    for (const name of ['first', 'second']) {
      const json = { name, type: 'filesystem', options: { path: production.path(name) } };
      await client(0).expect(201, 'POST', '/admin/v1/backends', { json });
    }
  }, 300_000);
  afterAll(() => production.stop());

  /** One of the two after the other. */
  const client = (turn: number): Client => production.client(turn % 2 === 0 ? apis[0] : apis[1]);
  async function fill(bucket: string, prefix: string, count: number): Promise<void> {
    await client(0).expect(200, 'PUT', `/v1/${bucket}`, { json: { name: bucket, backend: 'first' } });
    for (let n = 0; n < count; n += 1)
      await client(n).expect(200, 'PUT', objectPath(bucket, `${prefix}${n}`), { body: `text of ${n}` });
  }
  async function checkAll(bucket: string, prefix: string, count: number, by = client): Promise<void> {
    const listed = (await by(1).expect(200, 'GET', `/v1/${bucket}?maxKeys=1000`)).json() as {
      objects: { key: string }[];
    };
    const expected = Array.from({ length: count }, (_, n) => `${prefix}${n}`);
    expect(listed.objects.map(({ key }) => key)).toEqual(expected.toSorted());
    for (const [n, key] of expected.entries())
      expect((await by(n).expect(200, 'GET', objectPath(bucket, key))).text()).toBe(`text of ${n}`);
  }
  async function untilDone(path: string, by = client(1)): Promise<void> {
    await until(`${path} is done`, JOB_MS, async () => {
      const { state } = (await by.expect(200, 'GET', path)).json() as Job;
      if (state === 'failed') throw new Error(`${path} failed`);
      return state === 'completed';
    });
  }
  async function migrate(bucket: string): Promise<Job> {
    const json = { bucket, destination: { backend: 'second' } };
    return (await client(0).expect(202, 'POST', '/admin/v1/migrations', { json })).json() as Job;
  }

  it('have no backend on a disk of their own, and are ready in each part', async () => {
    const { items } = (await client(0).expect(200, 'GET', '/admin/v1/backends')).json() as {
      items: { name: string }[];
    };
    expect(items.map(({ name }) => name)).toEqual(['first', 'second']);
    const checks = { controlPlane: true, index: true, queue: true, masterKey: true };
    for (const program of workers) expect(await program.readiness()).toEqual({ status: 200, checks });
    for (const program of apis) expect((await program.readiness()).checks).toMatchObject(checks);
  });

  it("do the tour's core: put, list, a lifecycle run, a migration", async () => {
    await fill('tour', 'old/', 40);
    await checkAll('tour', 'old/', 40);
    const rules = [
      { id: 'old', enabled: true, filter: { prefix: 'old/1' }, expiration: { date: '2020-01-01T00:00:00Z' } },
    ];
    await client(1).expect(200, 'PUT', '/admin/v1/buckets/tour/lifecycle', { json: { rules } });
    const run = (await client(0).expect(202, 'POST', '/admin/v1/buckets/tour/lifecycle/runs')).json() as Job;
    await untilDone(`/admin/v1/jobs/${run.id}`);
    const left = (await client(0).expect(200, 'GET', '/v1/tour')).json() as { objects: unknown[] };
    expect(left.objects).toHaveLength(29);
    await untilDone(`/admin/v1/migrations/${(await migrate('tour')).id}`);
    expect((await client(1).expect(200, 'GET', objectPath('tour', 'old/39'))).text()).toBe('text of 39');
  }, 120_000);

  it('go on when Redis is a new and empty one', async () => {
    await fill('flushed', 'key-', 10);
    const { id } = await migrate('flushed');
    await production.stores.redis.command('FLUSHALL');
    await untilDone(`/admin/v1/migrations/${id}`);
    await checkAll('flushed', 'key-', 10);
  }, 120_000);

  it.each([
    ['postgres', 503, 'control-plane-unavailable'],
    ['mongodb', 503, 'index-unavailable'],
    ['redis', 200, undefined],
  ] as const)(
    'say so while %s is away, and go on by themselves once it is back',
    async (store, status, code) => {
      const bucket = `without-${store}`;
      await fill(bucket, 'key-', 5);
      await production.stores[store].kill();
      const path = objectPath(bucket, 'key-0');
      await until('both have noticed', NOTICED_MS, async () => {
        const answers = [await client(0).send('GET', path), await client(1).send('GET', path)];
        return answers.every((answer) => answer.status === status && (code === undefined || codeOf(answer) === code));
      });
      await until('all say so', NOTICED_MS, async () => {
        const said = await Promise.all([...apis, ...workers].map((program) => program.readiness()));
        return said.every((one, at) => one.status === (at < apis.length ? status : 503));
      });
      await production.stores[store].restart();
      for (const program of [...apis, ...workers]) await program.untilReady();
      await untilDone(`/admin/v1/migrations/${(await migrate(bucket)).id}`);
      await checkAll(bucket, 'key-', 5);
    },
    120_000,
  );

  it('lose nothing when one API and the worker that runs the job are killed in the middle', async () => {
    await fill('killed', 'key-', OBJECTS);
    const { id } = await migrate('killed');
    let runner: Program | undefined;
    await until('a worker runs it', JOB_MS, async () => {
      runner = await production.workerOf(id, workers);
      return runner !== undefined;
    });
    await Promise.all([apis[0].kill(), runner?.kill()]);
    const survivor = production.client(apis[1]);
    await survivor.expect(200, 'PUT', objectPath('killed', 'key-0'), { body: 'text of 0' });
    const before = (await survivor.expect(200, 'GET', `/admin/v1/migrations/${id}`)).json() as Job;
    // Completed only where this machine stood still between the look and the kills.
    expect(['running', 'completed']).toContain(before.state);
    await untilDone(`/admin/v1/migrations/${id}`, survivor);
    await checkAll('killed', 'key-', OBJECTS, () => survivor);
    apis = [await production.run('api'), apis[1]];
    await checkAll('killed', 'key-', OBJECTS);
  }, 300_000);

  it('end in order when they are told to', async () => {
    expect(
      await Promise.all([...apis, ...workers].filter(({ hasEnded }) => !hasEnded).map((one) => one.stop())),
    ).toEqual([...[0, 0, 0]]);
  }, 60_000);
});
