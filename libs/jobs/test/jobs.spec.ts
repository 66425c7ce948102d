import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { watchJob } from '../src/index.js';
import { describeQueue } from './contract.js';
import { QueueStand } from './queue-stand.js';

let stand: QueueStand;

beforeAll(async () => {
  stand = await QueueStand.start();
});
afterAll(() => stand.stop());

describeQueue('Postgres', () => ({
  stand,
  store: {
    connection: { kind: 'postgres', postgres: stand.postgres },
    // Their rows: tables that go while somebody works on them are another accident.
    loseAll: () => stand.query('TRUNCATE bull.job, bull.dedup, bull.dedup_next, bull.scheduler, bull.meta CASCADE'),
  },
}));

describe('a watched job', () => {
  it('shows each change once, and ends with the job', async () => {
    const { id } = await stand.aJob();
    const steps: (() => Promise<unknown>)[] = [
      async () => undefined,
      () => stand.plane.jobs.claim(id, 'worker', 3_000),
      async () => {
        const { fence } = await stand.plane.jobs.get(id);
        await stand.plane.jobs.settle({ jobId: id, workerId: 'worker', fence }, { state: 'failed', error: 'no room' });
      },
    ];
    const states: string[] = [];
    const wait = async () => steps.shift()?.();
    for await (const job of watchJob(stand.plane.jobs, id, { signal: new AbortController().signal, wait })) {
      states.push(job.error ?? job.state);
    }
    expect(states).toEqual(['planned', 'running', 'no room']);
  });

  it('ends without an error when nobody watches any more', async () => {
    const { id } = await stand.aJob();
    const watcher = new AbortController();
    const seen: string[] = [];
    for await (const job of watchJob(stand.plane.jobs, id, { signal: watcher.signal })) {
      seen.push(job.state);
      watcher.abort();
    }
    expect(seen).toEqual(['planned']);
  });
});
