import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createBucket, openBucket, type CrashPoint, type OperationContext } from '#libs/objects';
import { startWork, runJob, type MigrationView, type OpenDeployment } from '../src/index.js';
import { Client } from './objects.js';
import { administrator, Stand } from './stand.js';

const OBJECTS = 300;
const QUICK = {
  SPUMONI_GARBAGE_GRACE_SECONDS: '0',
  SPUMONI_HEARTBEAT_SECONDS: '0.05',
  // Who stands still for a moment, as this process may, is not dead; where one is to be, the test says so.
  SPUMONI_DEAD_AFTER_SECONDS: '60',
};

/** Called at points of the domain: what a test wants done there, if anything. */
let atPoint: (point: CrashPoint, about: string) => Promise<void> | void = () => undefined;

describe('a migration', () => {
  const stand = new Stand();
  let deployment: OpenDeployment;
  let context: OperationContext;
  let client: Client;
  let bucket = '';
  let made = 0;

  beforeAll(async () => {
    await stand.start();
    deployment = await stand.fresh(QUICK, { reach: (point, about) => atPoint(point, about) });
    context = await administrator(deployment);
    for (const name of ['second', 'third']) {
      await deployment.backends.register('test', { name, type: 'filesystem', options: { path: stand.path(name) } });
    }
  });
  afterAll(() => stand.dispose());

  beforeEach(async () => {
    atPoint = () => undefined;
    made += 1;
    bucket = `moving-${made}`;
    await createBucket(deployment.engine, context, { name: bucket, backend: 'local', policy: 'Silver' });
    client = new Client(deployment, context, bucket);
  });

  async function fill(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await client.put(`k/${String(n).padStart(4, '0')}`, `text of ${n}`);
  }

  function start(backend = 'second'): Promise<MigrationView> {
    return deployment.migrations.start(context, { bucket, destination: { backend } });
  }

  const run = (id: string, worker = 'one', signal?: AbortSignal) => runJob(deployment, id, worker, signal);

  it('tells beforehand what it would move, and what the destination could not hold', async () => {
    await fill(3);
    const plan = await deployment.migrations.plan(context, { bucket, destination: { backend: 'second' } });
    expect(plan).toEqual({
      bucket,
      source: 'local',
      destination: 'second',
      container: { name: bucket, exact: true },
      objects: 3,
      bytes: 27,
      missing: 0,
      obstacles: [],
    });
  });

  it('says what is wrong with a wish, all of it, and refuses where there is nothing to move', async () => {
    const wish = { bucket, destination: { backend: '' }, sourceRetention: -1, unknown: 1 };
    await expect(deployment.migrations.plan(context, wish)).rejects.toMatchObject({ code: 'invalid-migration' });
    await expect(start('local')).rejects.toMatchObject({ code: 'invalid-migration' });
    await expect(start('nowhere')).rejects.toMatchObject({ code: 'unknown-backend' });
    const stranger = { ...context, actor: { userId: '0', isAdmin: false } };
    const theirs = deployment.migrations.plan(stranger, { bucket, destination: { backend: 'second' } });
    await expect(theirs).rejects.toMatchObject({ code: 'access-denied' });
  });

  it(`moves ${OBJECTS} objects while a client writes, reads, deletes and lists, and leaves nothing behind (A2.18)`, async () => {
    await fill(OBJECTS);
    const { id, state } = await start();
    expect(state).toBe('planned');
    await expect(start('third')).rejects.toMatchObject({ code: 'migration-unfinished' });
    const over = new AbortController();
    const busy = (async () => {
      for (let n = 0; !over.signal.aborted; n += 1) {
        await client.put(`k/${String((n * 7) % OBJECTS).padStart(4, '0')}`, `rewritten ${n}`);
        await client.put(`new/${n}`, `new ${n}`);
        if (n % 3 === 0) await client.remove(`new/${n}`);
        const key = `k/${String((n * 11) % OBJECTS).padStart(4, '0')}`;
        expect(await client.get(key)).toBe(client.believed.get(key));
        if (n % 10 === 0) expect(await client.keys()).toEqual([...client.believed.keys()].toSorted());
      }
    })();
    const outcome = await run(id);
    over.abort();
    await busy;
    expect(outcome).toBe('completed');
    expect(await client.contents()).toEqual(new Map([...client.believed].toSorted()));
    expect(await client.places()).toEqual({ second: client.believed.size });
    const view = await deployment.migrations.get(id);
    expect(view).toMatchObject({ state: 'completed', source: 'local', destination: 'second', failures: [], bucket });
    expect(view.objects.done).toBe(view.objects.total);
    expect(view.finishedAt).toBeDefined();
    const work = await startWork(deployment);
    await work.keepHouse();
    await work.stop();
    expect(await deployment.migrations.get(id)).toMatchObject({ sourceCleanup: 'done' });
    const local = await deployment.engine.catalog.list();
    const source = await deployment.engine.backends.open(local.find(({ name }) => name === 'local')?.id ?? '');
    expect((await source.listContainers({ requestId: 'test' })).map(({ name }) => name)).not.toContain(bucket);
  });

  it('stops where it is when paused, and goes on from there when resumed', async () => {
    await fill(200);
    const { id } = await start();
    let moved = 0;
    atPoint = async (point) => {
      if (point === 'committed' && ++moved === 20) await deployment.migrations.pause(id);
    };
    expect(await run(id)).toBe('paused');
    const paused = await deployment.migrations.get(id);
    expect(paused.state).toBe('paused');
    expect((await client.places())['local']).toBeGreaterThan(0);
    expect(await run(id)).toBe('nothing-to-do');
    expect((await deployment.migrations.resume(id)).state).toBe('planned');
    expect(await run(id)).toBe('completed');
    expect(await client.places()).toEqual({ second: 200 });
    expect(await client.contents()).toEqual(client.believed);
  });

  it('leaves moved objects readable when cancelled, and takes the home back to the source', async () => {
    await fill(200);
    const { id } = await start();
    let moved = 0;
    atPoint = async (point) => {
      if (point === 'committed' && ++moved === 20) await deployment.migrations.cancel(id);
    };
    expect(await run(id)).toBe('cancelled');
    expect(await client.contents()).toEqual(client.believed);
    const { home } = await openBucket(deployment.engine, context, bucket);
    const local = await deployment.backends.get('local');
    expect(home).toBe(local.id);
    expect((await deployment.controlPlane.buckets.get(bucket)).backendId).toBe(local.id);
    await client.put('afterwards', 'at home');
    const places = await client.places();
    expect(places['second']).toBeGreaterThan(0);
    await expect(deployment.migrations.resume(id)).rejects.toMatchObject({ code: 'wrong-state' });
    // What is elsewhere can be brought home.
    const back = await deployment.migrations.start(context, { bucket, destination: { backend: 'local' } });
    expect(await run(back.id)).toBe('completed');
    expect(await client.places()).toEqual({ local: 201 });
  });

  it('is cancelled at once while it is paused, with the home taken back all the same', async () => {
    await fill(80);
    const { id } = await start();
    atPoint = async (point) => {
      if (point === 'committed') await deployment.migrations.pause(id);
    };
    expect(await run(id)).toBe('paused');
    expect((await deployment.jobs.cancel(id)).state).toBe('cancelled');
    const { home } = await openBucket(deployment.engine, context, bucket);
    expect(home).toBe((await deployment.backends.get('local')).id);
  });

  it('is taken over from a worker that died, which writes nothing more when it wakes', async () => {
    await fill(150);
    const { id } = await start();
    const asleep = Promise.withResolvers<undefined>();
    const wake = Promise.withResolvers<undefined>();
    let moved = 0;
    atPoint = async (point) => {
      if (point !== 'bytes-sent' || ++moved !== 10) return;
      asleep.resolve(undefined);
      await wake.promise;
    };
    const first = run(id, 'sleeper');
    await asleep.promise;
    expect(await run(id, 'two')).toBe('held');
    // Its process stands still: so do its heartbeats.
    const { fence } = await deployment.controlPlane.jobs.get(id);
    // Stale by now for certain, also where the machine's clock goes back a little.
    const stolen = await deployment.controlPlane.jobs.claim(id, 'two', -60_000);
    expect(stolen).toMatchObject({ outcome: 'claimed', run: { fence: fence + 1 } });
    if (stolen.outcome === 'claimed') await deployment.controlPlane.jobs.release(stolen.run, 'unfinished');
    atPoint = () => undefined;
    const second = await run(id, 'two');
    wake.resolve(undefined);
    expect(await first).toBe('fenced');
    expect(['completed', 'failed']).toContain(second);
    if (second === 'failed') expect(await run((await deployment.migrations.resume(id)).id, 'two')).toBe('completed');
    expect(await client.places()).toEqual({ second: 150 });
    expect(await client.contents()).toEqual(client.believed);
  });

  it('is given back by a worker that stops, with its checkpoint', async () => {
    await fill(200);
    const { id } = await start();
    const stopping = new AbortController();
    let moved = 0;
    atPoint = (point) => {
      if (point === 'committed' && ++moved === 100) stopping.abort(new Error('the worker is stopping'));
    };
    expect(await run(id, 'one', stopping.signal)).toBe('released');
    const { state, checkpoint } = await deployment.controlPlane.jobs.get(id);
    expect({ state, checkpoint }).toMatchObject({ state: 'planned', checkpoint: { pass: 1 } });
    expect(await run(id, 'another')).toBe('completed');
    expect(await client.contents()).toEqual(client.believed);
  });

  it('is one of two that were asked for at once', async () => {
    await fill(1);
    const both = await Promise.allSettled([start('second'), start('third')]);
    const begun = both.filter((one) => one.status === 'fulfilled');
    expect(begun.length).toBeLessThanOrEqual(1);
    const { items } = await deployment.migrations.list({ limit: 10, bucket });
    expect(items.filter(({ state }) => state === 'planned')).toHaveLength(begun.length);
  });

  it('runs by itself where a worker is at work, and is watched to its end', async () => {
    await fill(30);
    const { id } = await start();
    const work = await startWork(deployment);
    const states: string[] = [];
    for await (const { state } of deployment.migrations.watch(id)) states.push(state);
    await work.stop();
    expect(states.at(-1)).toBe('completed');
    expect(await client.places()).toEqual({ second: 30 });
  });
});
