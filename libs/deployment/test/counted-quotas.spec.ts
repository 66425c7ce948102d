import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createBucket, openBucket, putObject, type OperationContext } from '#libs/objects';
import type { OpenDeployment } from '../src/index.js';
import { systemClock } from '../src/runtime/system-clock.js';
import { administrator, MovableClock, Stand } from './stand.js';

describe('room that is held in a quota', () => {
  const stand = new Stand();
  const clock = new MovableClock(systemClock(() => undefined));
  let deployment: OpenDeployment;
  let context: OperationContext;
  beforeAll(async () => {
    await stand.start();
    deployment = await stand.fresh({}, { clock });
    context = await administrator(deployment);
  });
  afterAll(() => stand.dispose());

  it('for an upload under way is held beyond the next count, which does not find it yet', async () => {
    const { quotas, ...unlimited } = deployment.engine;
    if (!quotas) throw new Error('this deployment has no quotas');
    await createBucket(deployment.engine, context, { name: 'held', backend: 'local' });
    await deployment.limits.setOfBucket(context, 'held', { bytes: 100 });
    const bucket = await openBucket(deployment.engine, context, 'held');
    const bytes = async (): Promise<number | undefined> =>
      (await deployment.limits.ofBucket(context, 'held')).usage?.bytes;
    const underWay = await quotas.reserve({ bucket, key: 'slow', size: 60 });
    expect(await bytes()).toBe(60);
    // What another process stores shows at the next count alone: so it tells when that is over.
    const body = Buffer.alloc(10);
    const attributes = { headers: {}, metadata: {}, tags: {} };
    await putObject(unlimited, context, { bucket, key: 'elsewhere', body, attributes, expected: { size: 10 } });
    clock.move(61_000);
    const until = Date.now() + 60_000;
    while ((await bytes()) === 60 && Date.now() < until) await delay(10);
    expect(await bytes()).toBe(70);
    const more = async (): Promise<unknown> => quotas.reserve({ bucket, key: 'more', size: 31 });
    await expect(more()).rejects.toMatchObject({ code: 'quota-exceeded' });
    underWay?.cancel();
    expect(await bytes()).toBe(10);
    await expect(more()).resolves.toBeDefined();
  }, 120_000);
});
