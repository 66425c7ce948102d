import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openControlPlane, type ControlPlane, type JobRun, type PostgresConnection } from '#libs/metadata';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import pg from 'pg';
import { openJobQueue, rebuildQueue, watchJob, type JobDelivery, type JobQueue } from '../src/index.js';

const FROM_SOURCE = resolve('scripts/typescript-source.mjs');
const WORKER = resolve('libs/jobs/test/fixtures/worker.process.ts');
const directory = mkdtempSync(join(tmpdir(), 'spumoni-jobs-'));
const queues: JobQueue[] = [];
let server: EmbeddedPostgres;
let connection: PostgresConnection;
let plane: ControlPlane;

beforeAll(async () => {
  server = await startEmbeddedPostgres({ dataDirectory: join(directory, 'pg'), durable: false });
  ({ connection } = server);
  plane = await openControlPlane({ connection });
});
afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.close()));
  await query('DROP SCHEMA IF EXISTS bull CASCADE');
  await query('DELETE FROM job');
});
afterAll(async () => {
  await plane.close();
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function query(text: string): Promise<void> {
  const client = new pg.Client({ ...connection });
  await client.connect();
  await client.query(text);
  await client.end();
}

async function open(): Promise<JobQueue> {
  const queue = await openJobQueue({ connection: { kind: 'postgres', postgres: connection } });
  queues.push(queue);
  return queue;
}

/** What a worker was brought, to be waited for. */
class Inbox<T> {
  readonly seen: T[] = [];
  private arrived = (): void => undefined;

  push(item: T): void {
    this.seen.push(item);
    this.arrived();
  }

  async holds(count: number): Promise<readonly T[]> {
    while (this.seen.length < count) await new Promise<void>((wake) => (this.arrived = wake));
    return this.seen;
  }
}

const noTick = () => Promise.reject(new Error('no tick was expected'));
const aJob = () => plane.jobs.create({ type: 'migration', payload: { bucket: 'b' } });

describe('the queue', () => {
  it('brings a job once however often it is enqueued while it waits', async () => {
    const queue = await open();
    const [first, second] = [await aJob(), await aJob()];
    for (const id of [first.id, first.id, first.id, second.id]) await queue.enqueue(id, 'migration');
    const inbox = new Inbox<JobDelivery>();
    await queue.work({ job: async (delivery) => inbox.push(delivery), tick: noTick }, { concurrency: 1 });
    const seen = await inbox.holds(2);
    expect(seen.map((delivery) => delivery.jobId)).toEqual([first.id, second.id]);
    await queue.enqueue(first.id, 'migration');
    expect((await inbox.holds(3))[2]).toEqual({ jobId: first.id, type: 'migration' });
  });

  it('brings a job once more when it was enqueued while it ran, so that a quick resume is not lost', async () => {
    const queue = await open();
    const { id } = await aJob();
    const inbox = new Inbox<JobDelivery>();
    const gate = Promise.withResolvers<undefined>();
    const job = async (delivery: JobDelivery): Promise<void> => {
      inbox.push(delivery);
      await gate.promise;
    };
    await queue.work({ job, tick: noTick }, { concurrency: 4 });
    await queue.enqueue(id, 'migration');
    await inbox.holds(1);
    await queue.enqueue(id, 'migration');
    await queue.enqueue(id, 'migration');
    expect(inbox.seen).toHaveLength(1);
    gate.resolve(undefined);
    expect(await inbox.holds(2)).toHaveLength(2);
  });

  it('brings a job again when its handler threw', async () => {
    const queue = await open();
    const { id } = await aJob();
    const inbox = new Inbox<JobDelivery>();
    const job = async (delivery: JobDelivery): Promise<void> => {
      inbox.push(delivery);
      if (inbox.seen.length === 1) throw new Error('not yet');
    };
    await queue.work({ job, tick: noTick }, { concurrency: 1 });
    await queue.enqueue(id, 'migration');
    expect(await inbox.holds(2)).toHaveLength(2);
  });

  it('ticks on schedule with its payload, once for two workers', async () => {
    const [one, two] = [await open(), await open()];
    const inbox = new Inbox<{ name: string }>();
    const handlers = { job: noTick, tick: async (tick: { name: string }) => inbox.push(tick) };
    await one.work(handlers, { concurrency: 1 });
    await two.work(handlers, { concurrency: 1 });
    const began = Date.now();
    for (const queue of [one, two]) await queue.schedule('sweep', 300, { all: true });
    const ticks = await inbox.holds(4);
    expect(ticks[0]).toEqual({ name: 'sweep', payload: { all: true } });
    expect(Date.now() - began).toBeGreaterThan(2 * 300);
    await one.unschedule('sweep');
  });

  it('is rebuilt from the control plane after it was lost as a whole', async () => {
    const before = await open();
    const jobs = [await aJob(), await aJob(), await aJob()];
    for (const job of jobs) await before.enqueue(job.id, job.type);
    await plane.jobs.requestCancel(jobs[1]?.id ?? '');
    await before.close();
    await query('DROP SCHEMA bull CASCADE');
    const queue = await open();
    expect(await rebuildQueue(plane.jobs, queue)).toBe(2);
    expect(await rebuildQueue(plane.jobs, queue)).toBe(2);
    const inbox = new Inbox<JobDelivery>();
    await queue.work({ job: async (delivery) => inbox.push(delivery), tick: noTick }, { concurrency: 1 });
    const seen = await inbox.holds(2);
    expect(seen.map((delivery) => delivery.jobId)).toEqual([jobs[0]?.id, jobs[2]?.id]);
  });
});

describe('a worker that is killed', () => {
  it('loses its job to another, which goes on at the checkpoint; its own fence writes no more', async () => {
    const queue = await open();
    const { id } = await aJob();
    await queue.enqueue(id, 'migration');
    const flags = ['--no-warnings', `--import=${FROM_SOURCE}`];
    const settings = JSON.stringify(connection);
    const child = spawn(process.execPath, [...flags, WORKER, 'doomed', settings], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => Promise.reject(new Error('the worker ended by itself'))),
    ])) as [Buffer];
    const lost = JSON.parse(line.toString()) as JobRun;
    child.kill('SIGKILL');
    const inbox = new Inbox<unknown>();
    const job = async ({ jobId }: JobDelivery): Promise<void> => {
      const claim = await plane.jobs.claim(jobId, 'heir', 3_000);
      if (claim.outcome !== 'claimed') throw new Error(`the job is ${claim.outcome}`);
      await expect(plane.jobs.save(lost, { checkpoint: { after: 'stale' } })).rejects.toMatchObject({
        kind: 'conflict',
      });
      await plane.jobs.settle(claim.run, { state: 'completed' });
      inbox.push(claim);
    };
    await queue.work({ job, tick: noTick }, { concurrency: 1 });
    expect(await inbox.holds(1)).toMatchObject([
      { run: { fence: lost.fence + 1 }, job: { checkpoint: { after: 'half' } } },
    ]);
    expect(await plane.jobs.get(id)).toMatchObject({ state: 'completed', checkpoint: { after: 'half' } });
  });
});

describe('a watched job', () => {
  it('shows each change once, and ends with the job', async () => {
    const { id } = await aJob();
    const steps: (() => Promise<unknown>)[] = [
      async () => undefined,
      () => plane.jobs.claim(id, 'worker', 3_000),
      async () => {
        const { fence } = await plane.jobs.get(id);
        await plane.jobs.settle({ jobId: id, workerId: 'worker', fence }, { state: 'failed', error: 'no room' });
      },
    ];
    const states: string[] = [];
    const wait = async () => steps.shift()?.();
    for await (const job of watchJob(plane.jobs, id, { signal: new AbortController().signal, wait })) {
      states.push(job.error ?? job.state);
    }
    expect(states).toEqual(['planned', 'running', 'no room']);
  });

  it('ends without an error when nobody watches any more', async () => {
    const { id } = await aJob();
    const watcher = new AbortController();
    const seen: string[] = [];
    for await (const job of watchJob(plane.jobs, id, { signal: watcher.signal })) {
      seen.push(job.state);
      watcher.abort();
    }
    expect(seen).toEqual(['planned']);
  });
});
