import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { MAX_JOB_FAILURES, type ControlPlane, type JobRecord, type JobRun } from '../src/control-plane/index.js';
import { TestPostgres } from './control-plane-server.js';

const postgres = new TestPostgres();
let plane: ControlPlane;

beforeAll(async () => {
  await postgres.start();
  plane = await postgres.open({ connection: await postgres.freshDatabase() });
});
afterAll(() => postgres.dispose());

const kind = (expected: string): unknown => expect.objectContaining({ name: 'ControlPlaneError', kind: expected });
const aJob = (): Promise<JobRecord> => plane.jobs.create({ type: 'migration', payload: { bucket: 'b', to: ['x'] } });
const NEVER_STALE = 3_600_000;
/** Also where the machine's clock goes back a little meanwhile. */
const STALE = -60_000;

async function claimed(jobId: string, workerId = 'one', staleAfterMs = NEVER_STALE): Promise<JobRun> {
  const claim = await plane.jobs.claim(jobId, workerId, staleAfterMs);
  if (claim.outcome !== 'claimed') throw new Error(`the job is ${claim.outcome}`);
  return claim.run;
}

describe('a run', () => {
  it('is given to one of those who claim at once; the others find the job held', async () => {
    const { id } = await aJob();
    const claims = await Promise.all(['a', 'b', 'c'].map((worker) => plane.jobs.claim(id, worker, NEVER_STALE)));
    expect(claims.map((claim) => claim.outcome).sort()).toEqual(['claimed', 'held', 'held']);
    expect(await plane.jobs.get(id)).toMatchObject({ state: 'running', fence: 1 });
  });

  it('that was taken over can write nothing: no checkpoint, no progress, no state', async () => {
    const { id } = await aJob();
    const old = await claimed(id, 'old');
    const heir = await claimed(id, 'heir', STALE);
    expect(heir.fence).toBe(old.fence + 1);
    const before = await plane.jobs.get(id);
    await expect(plane.jobs.save(old, { checkpoint: { at: 'old' } })).rejects.toEqual(kind('conflict'));
    await expect(plane.jobs.settle(old, { state: 'completed' })).rejects.toEqual(kind('conflict'));
    await expect(plane.jobs.release(old, 'unfinished')).rejects.toEqual(kind('conflict'));
    expect(await plane.jobs.get(id)).toEqual(before);
    expect(await plane.jobs.save(heir, { checkpoint: { at: 'heir' } })).toBe('run');
    expect((await plane.jobs.get(id)).checkpoint).toEqual({ at: 'heir' });
  });

  it('ends with a worker that is known to be dead, at once, and if it lives after all it can write nothing; those of others go on', async () => {
    const [mine, paused, cancelled, other] = [await aJob(), await aJob(), await aJob(), await aJob()];
    const run = await claimed(mine.id, 'dead-1');
    await plane.jobs.save(run, { checkpoint: { n: 7 } });
    await claimed(paused.id, 'dead-2');
    await plane.jobs.requestPause(paused.id);
    await claimed(cancelled.id, 'dead-1');
    await plane.jobs.requestCancel(cancelled.id);
    const alive = await claimed(other.id, 'alive');
    expect(await plane.jobs.releaseAllOf(['dead-1', 'dead-2', 'never-was'])).toBe(2);
    expect(await plane.jobs.get(mine.id)).toMatchObject({ state: 'planned', checkpoint: { n: 7 } });
    expect(await plane.jobs.get(paused.id)).toMatchObject({ state: 'paused' });
    // Its next run ends it as it should.
    expect(await plane.jobs.get(cancelled.id)).toMatchObject({ state: 'running', wish: 'cancel' });
    await expect(plane.jobs.save(run, { checkpoint: { n: 8 } })).rejects.toEqual(kind('conflict'));
    const heir = await claimed(mine.id, 'heir');
    await expect(plane.jobs.save(run, {})).rejects.toEqual(kind('conflict'));
    expect(await plane.jobs.save(heir, {})).toBe('run');
    expect(await plane.jobs.save(alive, {})).toBe('run');
    expect(await plane.jobs.releaseAllOf([])).toBe(0);
  });

  it('may be about keys of any characters, also those that Postgres cannot hold', async () => {
    const { id } = await aJob();
    const run = await claimed(id);
    for (const after of ['a\0b', '\0', '\u001b0', '\u001be\0\u001b', '\\u0000', '\\\0"\n', 'ü💥']) {
      const checkpoint = { after, report: { first: [{ key: after }] }, [after]: 1 };
      expect(await plane.jobs.save(run, { checkpoint })).toBe('run');
      expect((await plane.jobs.get(id)).checkpoint).toEqual(checkpoint);
    }
    const failures = [{ key: 'a\0b', reason: `cut in a character ${'💥'.slice(0, 1)}` }];
    await plane.jobs.save(run, { failures });
    expect((await plane.jobs.get(id)).failures).toEqual([{ key: 'a\0b', reason: 'cut in a character \uFFFD' }]);
    expect(await plane.jobs.settle(run, { state: 'failed', error: 'of a\0b' })).toBe('failed');
    expect((await plane.jobs.get(id)).error).toBe('of a\uFFFDb');
  });

  it('keeps what a save does not name, each failure once, and the first ones alone', async () => {
    const { id } = await aJob();
    const run = await claimed(id);
    const failures = Array.from({ length: 700 }, (_, at) => ({ key: `k${at}`, reason: 'r' }));
    await plane.jobs.save(run, { checkpoint: { after: 'k' }, failures });
    await plane.jobs.save(run, { failures });
    expect((await plane.jobs.get(id)).failures).toEqual(failures);
    const more = Array.from({ length: 700 }, (_, at) => ({ key: `k${at + 400}`, reason: 'r' }));
    await plane.jobs.save(run, { failures: more });
    await plane.jobs.save(run, { failures: [{ key: 'late', reason: 'r' }] });
    const job = await plane.jobs.get(id);
    expect(job.checkpoint).toEqual({ after: 'k' });
    expect(job.failures).toHaveLength(MAX_JOB_FAILURES);
    expect(job.failures.slice(0, 700)).toEqual(failures);
    expect(job.failures.at(-1)).toEqual({ key: 'k999', reason: 'r' });
  });

  it('counts the attempts that failed, and forgets them when the job has come further or is asked for again; no claim counts', async () => {
    const { id } = await aJob();
    const failed = async (): Promise<number> => (await plane.jobs.get(id)).failedAttempts;
    for (const expected of [1, 2]) {
      await plane.jobs.release(await claimed(id), 'unfinished');
      await claimed(id);
      const heir = await claimed(id, 'heir', STALE);
      await plane.jobs.save(heir, { checkpoint: { n: 1 } });
      await plane.jobs.release(heir, 'attempt-failed');
      expect(await failed()).toBe(expected);
    }
    const run = await claimed(id);
    await plane.jobs.save(run, { checkpoint: { n: 2 }, movedOn: true });
    expect(await failed()).toBe(0);
    await plane.jobs.release(run, 'attempt-failed');
    expect(await failed()).toBe(1);
    await plane.jobs.requestResume(id);
    expect(await failed()).toBe(0);
  });

  it('given back is planned again with its checkpoint; a settled job is not run again', async () => {
    const { id } = await aJob();
    const run = await claimed(id);
    await plane.jobs.save(run, { checkpoint: { n: 1 } });
    await plane.jobs.release(run, 'unfinished');
    expect(await plane.jobs.get(id)).toMatchObject({ state: 'planned', checkpoint: { n: 1 } });
    const next = await claimed(id, 'two');
    expect(await plane.jobs.settle(next, { state: 'failed', error: 'no room' })).toBe('failed');
    expect(await plane.jobs.claim(id, 'three', STALE)).toMatchObject({
      outcome: 'not-runnable',
      job: { error: 'no room' },
    });
    await expect(plane.jobs.settle(next, { state: 'completed' })).rejects.toEqual(kind('conflict'));
  });
});

describe('requests', () => {
  it('to pause reach the runner with its next save; resuming plans the job again', async () => {
    const { id } = await aJob();
    const run = await claimed(id);
    expect(await plane.jobs.requestPause(id)).toMatchObject({ state: 'running', wish: 'pause' });
    expect(await plane.jobs.save(run, {})).toBe('pause');
    expect(await plane.jobs.settle(run, { state: 'paused' })).toBe('paused');
    expect((await plane.jobs.claim(id, 'two', 0)).outcome).toBe('not-runnable');
    expect(await plane.jobs.requestResume(id)).toMatchObject({ state: 'planned', wish: 'run' });
    await expect(plane.jobs.save(run, {})).rejects.toEqual(kind('conflict'));
    expect((await claimed(id, 'two')).fence).toBe(2);
  });

  it('to pause, taken back before they were obeyed, leave the run going on', async () => {
    const { id } = await aJob();
    const run = await claimed(id);
    await plane.jobs.requestPause(id);
    await plane.jobs.requestResume(id);
    expect(await plane.jobs.settle(run, { state: 'paused' })).toBe('running');
    expect(await plane.jobs.save(run, {})).toBe('run');
  });

  it('to cancel hold at once for what does not run, and win over a pause', async () => {
    const planned = await aJob();
    expect(await plane.jobs.requestCancel(planned.id)).toMatchObject({ state: 'cancelled' });
    expect(await plane.jobs.requestCancel(planned.id)).toMatchObject({ state: 'cancelled' });
    await expect(plane.jobs.requestResume(planned.id)).rejects.toEqual(kind('conflict'));
    const { id } = await aJob();
    const run = await claimed(id);
    await plane.jobs.requestPause(id);
    await plane.jobs.requestCancel(id);
    await expect(plane.jobs.requestPause(id)).rejects.toEqual(kind('conflict'));
    expect(await plane.jobs.settle(run, { state: 'paused' })).toBe('cancelled');
  });

  it('come too late for a job that completed', async () => {
    const { id } = await aJob();
    const run = await claimed(id);
    await plane.jobs.requestCancel(id);
    expect(await plane.jobs.settle(run, { state: 'completed' })).toBe('completed');
    await expect(plane.jobs.requestCancel(id)).rejects.toEqual(kind('conflict'));
    await expect(plane.jobs.requestCancel(randomUUID())).rejects.toEqual(kind('not-found'));
  });
});

describe('lists', () => {
  it('show the newest first, page by page, and filter', async () => {
    const bucketId = randomUUID();
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      made.unshift((await plane.jobs.create({ type: 'sweep', payload: {}, bucketId })).id);
    }
    const first = await plane.jobs.list({ limit: 2, bucketId });
    const second = await plane.jobs.list({ limit: 2, bucketId, after: first.next ?? '' });
    expect([...first.items, ...second.items].map((job) => job.id)).toEqual(made);
    expect(second.next).toBeUndefined();
    expect((await plane.jobs.list({ limit: 9, bucketId, type: 'migration' })).items).toEqual([]);
    await plane.jobs.requestCancel(made[0] ?? '');
    const open = await plane.jobs.list({ limit: 9, bucketId, states: ['planned'] });
    expect(open.items.map((job) => job.id)).toEqual(made.slice(1));
    const unfinished = await plane.jobs.listUnfinished({ limit: 1_000 });
    expect(unfinished.items.map((job) => job.id)).not.toContain(made[0]);
    expect(unfinished.items.at(-1)?.id).toBe(made[1]);
    await expect(plane.jobs.list({ limit: 1, after: 'x' })).rejects.toThrow('after must be');
  });
});

describe('the figures of jobs', () => {
  it('count what is open, what ended in the last day, what was done, and how long the oldest waits', async () => {
    let now = Date.now();
    const clock = { now: () => now, monotonic: () => now };
    const own = await postgres.open({ connection: await postgres.freshDatabase(), clock });
    const ids: string[] = [];
    for (let n = 0; n < 4; n += 1) ids.push((await own.jobs.create({ type: 'retier', payload: {} })).id);
    const [first = '', second = '', third = ''] = ids;
    const count = (done: number) => ({ total: 10, done, failed: 1 });
    const progress = { objects: count(4), bytes: count(5), rate: null, objectRate: null, etaSeconds: null };
    for (const id of [first, second]) {
      const claim = await own.jobs.claim(id, 'one', NEVER_STALE);
      if (claim.outcome !== 'claimed') throw new Error('it is free');
      await own.jobs.save(claim.run, { progress });
      if (id === first) await own.jobs.settle(claim.run, { state: 'failed', error: 'e' });
    }
    await own.jobs.requestPause(third);
    now += 60_000;
    expect(await own.jobs.figures()).toEqual({
      open: expect.arrayContaining([
        { type: 'retier', state: 'running', jobs: 1 },
        { type: 'retier', state: 'paused', jobs: 1 },
        { type: 'retier', state: 'planned', jobs: 1 },
      ]),
      ended: [{ type: 'retier', state: 'failed', jobs: 1 }],
      work: [
        {
          type: 'retier',
          objects: { total: 20, done: 8, failed: 2 },
          bytes: { total: 20, done: 10, failed: 2 },
        },
      ],
      waiting: [{ type: 'retier', seconds: 60 }],
    });
    now += 86_400_000;
    expect((await own.jobs.figures()).ended).toEqual([]);
  });
});
