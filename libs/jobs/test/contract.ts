import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { JobRun } from '#libs/metadata';
import { JobHeldError, rebuildQueue, type JobDelivery, type QueueConnection } from '../src/index.js';
import { Inbox } from './inbox.js';
import type { QueueStand } from './queue-stand.js';

/** A store of queues, once it runs. */
export interface QueueStore {
  readonly connection: QueueConnection;
  /** All that the store holds is gone, as after `FLUSHALL`. */
  loseAll(): Promise<unknown>;
}

/** What is there from before the first test to after the last. */
export interface Given {
  readonly stand: QueueStand;
  readonly store: QueueStore;
}

const FROM_SOURCE = resolve('scripts/typescript-source.mjs');
const WORKER = resolve('libs/jobs/test/fixtures/worker.process.ts');
const noTick = () => Promise.reject(new Error('no tick was expected'));

/** What every queue does, whatever store it lies in. */
export function describeQueue(where: string, given: () => Given): void {
  describe(`the queue in ${where}`, () => queueContract(given));
}

function queueContract(given: () => Given): void {
  afterEach(async () => {
    const { stand, store } = given();
    await stand.tidy();
    await store.loseAll();
  });

  it('brings a job once however often it is enqueued while it waits', async () => {
    const { stand, store } = given();
    const queue = await stand.open(store.connection);
    const [first, second] = [await stand.aJob(), await stand.aJob()];
    for (const id of [first.id, first.id, first.id, second.id]) await queue.enqueue(id, 'migration');
    const inbox = new Inbox<JobDelivery>();
    await queue.work({ job: async (delivery) => inbox.push(delivery), tick: noTick }, { concurrency: 1 });
    const seen = await inbox.holds(2);
    expect(seen.map((delivery) => delivery.jobId)).toEqual([first.id, second.id]);
    await queue.enqueue(first.id, 'migration');
    expect((await inbox.holds(3))[2]).toEqual({ jobId: first.id, type: 'migration' });
  });

  it('brings a job once more when it was enqueued while it ran, so that a quick resume is not lost', async () => {
    const { stand, store } = given();
    const queue = await stand.open(store.connection);
    const { id } = await stand.aJob();
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
    const { stand, store } = given();
    const queue = await stand.open(store.connection);
    const { id } = await stand.aJob();
    const inbox = new Inbox<JobDelivery>();
    const job = async (delivery: JobDelivery): Promise<void> => {
      inbox.push(delivery);
      if (inbox.seen.length === 1) throw new Error('not yet');
    };
    await queue.work({ job, tick: noTick }, { concurrency: 1 });
    await queue.enqueue(id, 'migration');
    expect(await inbox.holds(2)).toHaveLength(2);
  });

  it('brings a job that another holds again and again, not ever later', async () => {
    const { stand, store } = given();
    const queue = await stand.open(store.connection);
    const { id } = await stand.aJob();
    const inbox = new Inbox<JobDelivery>();
    const job = async (delivery: JobDelivery): Promise<void> => {
      inbox.push(delivery);
      if (inbox.seen.length < 7) throw new JobHeldError('held');
    };
    await queue.work({ job, tick: noTick }, { concurrency: 1 });
    await queue.enqueue(id, 'migration');
    // Ever later it would take more than half a minute.
    await inbox.holds(7);
  });

  it('ticks on schedule with its payload, once for two workers', async () => {
    const { stand, store } = given();
    const [one, two] = [await stand.open(store.connection), await stand.open(store.connection)];
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
    const { stand, store } = given();
    const before = await stand.open(store.connection);
    const jobs = [await stand.aJob(), await stand.aJob(), await stand.aJob()];
    for (const job of jobs) await before.enqueue(job.id, job.type);
    await stand.plane.jobs.requestCancel(jobs[1]?.id ?? '');
    await before.close();
    await store.loseAll();
    const queue = await stand.open(store.connection);
    expect(await rebuildQueue(stand.plane.jobs, queue)).toBe(2);
    expect(await rebuildQueue(stand.plane.jobs, queue)).toBe(2);
    const inbox = new Inbox<JobDelivery>();
    await queue.work({ job: async (delivery) => inbox.push(delivery), tick: noTick }, { concurrency: 1 });
    const seen = await inbox.holds(2);
    expect(seen.map((delivery) => delivery.jobId)).toEqual([jobs[0]?.id, jobs[2]?.id]);
  });

  it('is rebuilt while its workers wait, when all it held was lost under them', async () => {
    const { stand, store } = given();
    const queue = await stand.open(store.connection);
    const inbox = new Inbox<JobDelivery>();
    await queue.work({ job: async (delivery) => inbox.push(delivery), tick: noTick }, { concurrency: 1 });
    const [first, second] = [await stand.aJob(), await stand.aJob()];
    await queue.enqueue(first.id, first.type);
    await inbox.holds(1);
    await stand.plane.jobs.requestCancel(first.id);
    await store.loseAll();
    expect(await rebuildQueue(stand.plane.jobs, queue)).toBe(1);
    expect((await inbox.holds(2))[1]).toEqual({ jobId: second.id, type: 'migration' });
  });

  it('says whether its store answers', async () => {
    const { stand, store } = given();
    const queue = await stand.open(store.connection);
    expect(await queue.ping()).toBe(true);
    await queue.close();
    expect(await queue.ping()).toBe(false);
  });

  it('a worker that is killed loses its job to another, which goes on at the checkpoint; its own fence writes no more', async () => {
    const { stand, store } = given();
    const queue = await stand.open(store.connection);
    const { id } = await stand.aJob();
    await queue.enqueue(id, 'migration');
    const flags = ['--no-warnings', `--import=${FROM_SOURCE}`];
    const settings = JSON.stringify({ postgres: stand.postgres, queue: store.connection });
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
      const claim = await stand.plane.jobs.claim(jobId, 'heir', 3_000);
      if (claim.outcome !== 'claimed') throw new Error(`the job is ${claim.outcome}`);
      await expect(stand.plane.jobs.save(lost, { checkpoint: { after: 'stale' } })).rejects.toMatchObject({
        kind: 'conflict',
      });
      await stand.plane.jobs.settle(claim.run, { state: 'completed' });
      inbox.push(claim);
    };
    await queue.work({ job, tick: noTick }, { concurrency: 1 });
    expect(await inbox.holds(1)).toMatchObject([
      { run: { fence: lost.fence + 1 }, job: { checkpoint: { after: 'half' } } },
    ]);
    expect(await stand.plane.jobs.get(id)).toMatchObject({ state: 'completed', checkpoint: { after: 'half' } });
  });
}
