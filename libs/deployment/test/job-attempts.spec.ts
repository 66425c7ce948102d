import { rename } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createBucket, type OperationContext } from '#libs/objects';
import { runJob, type OpenDeployment } from '../src/index.js';
import { ClaimedRun } from '../src/jobs/claimed-run.js';
import { administrator, Stand } from './stand.js';

/** More than a backend's attempts may be. */
const RESTARTS = 14;
const LAST_ATTEMPT = 10;

describe('a job whose backend does not answer', () => {
  const stand = new Stand();
  let deployment: OpenDeployment;
  let context: OperationContext;
  let [directory, elsewhere] = ['', ''];
  let id = '';
  let made = 0;

  beforeAll(async () => {
    await stand.start();
    deployment = await stand.fresh({ SPUMONI_DEAD_AFTER_SECONDS: '60' });
    context = await administrator(deployment);
  });
  afterAll(() => stand.dispose());

  // Each with a backend of its own, whose circuit nothing has opened yet.
  beforeEach(async () => {
    const name = `compared-${String((made += 1))}`;
    directory = stand.path(name);
    elsewhere = `${directory}-away`;
    await deployment.backends.register('test', { name, type: 'filesystem', options: { path: directory } });
    await createBucket(deployment.engine, context, { name, backend: name });
    ({ id } = await deployment.takeovers.reconcile(context, name));
  });

  const attempt = () => runJob(deployment, id, 'one');
  const failedAttempts = async () => (await deployment.controlPlane.jobs.get(id)).failedAttempts;

  async function restart(): Promise<void> {
    const stopping = AbortSignal.abort(new Error('the worker is stopping'));
    expect(await runJob(deployment, id, 'one', stopping)).toBe('released');
  }

  async function failAttempts(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await expect(attempt()).rejects.toMatchObject({ code: 'backend-unavailable' });
  }

  it('fails after ten attempts in a row, of which its restarts and takeovers are none', async () => {
    for (let n = 0; n < RESTARTS; n += 1) await restart();
    await rename(directory, elsewhere);
    try {
      await failAttempts(LAST_ATTEMPT - 1);
      for (let n = 0; n < RESTARTS; n += 1) await restart();
      expect(await failedAttempts()).toBe(LAST_ATTEMPT - 1);
      expect(await attempt()).toBe('failed');
    } finally {
      await rename(elsewhere, directory);
    }
    expect(await deployment.jobs.get(id)).toMatchObject({ state: 'failed' });
  });

  it('is begun again as often as it comes further, or its operator asks for it', async () => {
    const { engine, controlPlane, settings } = deployment;
    const tools = { jobs: controlPlane.jobs, clock: engine.clock, logger: stand.log, ...settings };
    const counts = { objects: { total: 9, done: 1, failed: 0 }, bytes: { total: 9, done: 1, failed: 0 } };
    const failing = async (checkpoint: object): Promise<number> => {
      const claim = await controlPlane.jobs.claim(id, 'one', 60_000);
      if (claim.outcome !== 'claimed') throw new Error(`it is ${claim.outcome}`);
      const run = new ClaimedRun(tools, claim.run, claim.job, undefined);
      await run.report({ counts, checkpoint: { ...checkpoint } });
      const { attempt: counted } = run;
      await run.release('attempt-failed');
      run.end();
      expect(await failedAttempts()).toBe(counted);
      return counted;
    };
    // As it was saved, whatever the order of its names.
    const page = { after: 'k1', pass: 1 };
    expect([await failing(page), await failing({ pass: 1, after: 'k1' }), await failing(page)]).toEqual([1, 2, 3]);
    expect([await failing({ ...page, after: 'k2' }), await failing({ ...page, after: 'k2' })]).toEqual([1, 2]);
    await controlPlane.jobs.requestPause(id);
    await controlPlane.jobs.requestResume(id);
    expect(await failedAttempts()).toBe(0);
    expect(await attempt()).toBe('completed');
  });
});
