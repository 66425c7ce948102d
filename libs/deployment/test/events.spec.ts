import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createBucket, deleteBucket, openBucket, restampObject, type OperationContext } from '#libs/objects';
import { Deliveries, MOST_ATTEMPTS, pauseAfter, runJob, type OpenDeployment } from '../src/index.js';
import { Client } from './objects.js';
import { administrator, Stand } from './stand.js';
import { isSigned, WebhookReceiver } from './webhook-receiver.js';

describe('events', () => {
  const stand = new Stand();
  const receiver = new WebhookReceiver();
  const never = new AbortController().signal;
  let deployment: OpenDeployment;
  let context: OperationContext;
  let deliveries: Deliveries;

  /** What was seen is written, and everything due is delivered. */
  const deliver = async (): Promise<void> => {
    await deployment.recorder.flush();
    while ((await deliveries.begin(never)) > 0) await deliveries.idle();
  };
  /** The same, but nothing that came due meanwhile, as what was refused a second ago. */
  const deliverOnce = async (): Promise<void> => {
    await deployment.recorder.flush();
    await deliveries.begin(never);
    await deliveries.idle();
  };
  const hook = async (path: string, more: object = {}) => {
    const made = await deployment.events.createWebhook({ url: receiver.url(path), insecure: true, ...more });
    await deployment.recorder.refresh();
    return { id: made.webhook.id, secret: made.secret.reveal() };
  };
  const types = (path: string) => receiver.at(path).map(({ event }) => event.type);

  beforeAll(async () => {
    await stand.start();
    await receiver.start();
    deployment = await stand.fresh({ SPUMONI_WEBHOOK_PRIVATE: 'true', SPUMONI_GARBAGE_GRACE_SECONDS: '0' });
    context = await administrator(deployment);
    await deployment.backends.register('test', {
      name: 'second',
      type: 'filesystem',
      options: { path: stand.path('second') },
    });
    deliveries = new Deliveries({
      ...deployment,
      clock: deployment.engine.clock,
      secrets: deployment.webhookSecrets,
      allowPrivate: true,
    });
  });
  afterAll(async () => {
    receiver.stop();
    await stand.dispose();
  });

  it('tell of buckets and objects as they are made, replaced, changed, moved and removed, signed', async () => {
    const { secret } = await hook('/all');
    await createBucket(deployment.engine, context, { name: 'told', backend: 'local', policy: 'Gold' });
    const client = new Client(deployment, context, 'told');
    await client.put('a', 'one');
    await client.put('a', 'other');
    const bucket = await openBucket(deployment.engine, context, 'told');
    const attributes = { metadata: { colour: 'blue' } };
    await restampObject(deployment.engine, context, { bucket, key: 'a', attributes });
    await client.remove('a');
    await client.remove('a');
    await deliver();
    expect(types('/all').sort()).toEqual([
      ...['bucket.created', 'object.changed', 'object.created', 'object.removed', 'object.replaced'],
    ]);
    for (const one of receiver.at('/all')) expect(isSigned(one, secret)).toBe(true);
    const replaced = receiver.at('/all').find(({ event }) => event.type === 'object.replaced');
    expect(replaced?.event).toMatchObject({
      ...{ bucket: 'told', key: 'a', id: expect.stringMatching(/^\d+$/), time: expect.any(String) },
      data: { size: 5, backend: 'local', tier: 'Gold', storageClass: 'STANDARD', previous: { size: 3 } },
    });
    expect(JSON.stringify(receiver.at('/all').map(({ event }) => event))).not.toContain('blue');
    expect((await deployment.events.listDeliveries({ limit: 10 })).items).toEqual([]);
  });

  it('tell of a migration: each object, the bucket, and the job', async () => {
    await hook('/moves', { events: ['object.migrated', 'bucket.migrated', 'job.completed'], bucket: 'told' });
    const client = new Client(deployment, context, 'told');
    await client.put('b', 'text');
    const { id } = await deployment.migrations.start(context, { bucket: 'told', destination: { backend: 'second' } });
    expect(await runJob(deployment, id, 'worker', never)).toBe('completed');
    await deliver();
    expect(types('/moves').sort()).toEqual(['bucket.migrated', 'job.completed', 'object.migrated']);
    const moved = receiver.at('/moves').find(({ event }) => event.type === 'object.migrated');
    expect(moved?.event.data).toMatchObject({ backend: 'second', previous: { backend: 'local' } });
    const ended = receiver.at('/moves').find(({ event }) => event.type === 'job.completed');
    expect(ended?.event).toMatchObject({ bucket: 'told', data: { job: id, kind: 'migration' } });
  });

  it('are chosen by type, bucket and prefix, and nothing is written that nobody wants', async () => {
    await createBucket(deployment.engine, context, { name: 'other', backend: 'local' });
    await hook('/chosen', { events: ['object.created'], bucket: 'told', prefix: 'logs/' });
    await deliver();
    const before = await deployment.controlPlane.events.newest();
    const all = await deployment.events.listWebhooks({ limit: 10 });
    for (const { id, url } of all.items)
      if (!url.endsWith('/chosen')) await deployment.events.setWebhookDisabled(id, true);
    await deployment.recorder.refresh();
    for (const bucket of ['told', 'other'])
      for (const key of ['logs/1', 'pictures/1']) await new Client(deployment, context, bucket).put(key, 'x');
    await new Client(deployment, context, 'told').remove('logs/1');
    await deliver();
    expect(receiver.at('/chosen').map(({ event }) => [event.type, event.bucket, event.key])).toEqual([
      ['object.created', 'told', 'logs/1'],
    ]);
    expect(await deployment.controlPlane.events.read(before, 10)).toHaveLength(1);
    for (const { id } of all.items) await deployment.events.deleteWebhook(id);
  });

  it('are tried again with growing pauses, given up in the end, and sent again when asked', async () => {
    await hook('/broken');
    receiver.answers.set('/broken', 500);
    await new Client(deployment, context, 'other').put('retried', 'x');
    await deliverOnce();
    const only = async () => (await deployment.events.listDeliveries({ limit: 10 })).items[0];
    expect(await only()).toMatchObject({ state: 'pending', attempts: 1, lastError: 'it answered 500' });
    const id = (await only())?.id ?? '';
    for (let attempt = 2; attempt <= MOST_ATTEMPTS; attempt += 1) {
      await deployment.controlPlane.events.refused(id, 'sooner', 0);
      await deliverOnce();
    }
    expect(receiver.at('/broken')).toHaveLength(MOST_ATTEMPTS);
    expect(await only()).toMatchObject({ state: 'dead', attempts: MOST_ATTEMPTS, nextAt: null });
    expect((await deployment.events.listDeliveries({ limit: 10, state: 'pending' })).items).toEqual([]);
    await deliver();
    expect(receiver.at('/broken')).toHaveLength(MOST_ATTEMPTS);
    receiver.answers.delete('/broken');
    await deployment.events.resend(id);
    await deliver();
    expect(new Set(receiver.at('/broken').map(({ event }) => event.id)).size).toBe(1);
    expect(receiver.at('/broken')).toHaveLength(MOST_ATTEMPTS + 1);
    expect(await only()).toBeUndefined();
    await expect(deployment.events.resend(id)).rejects.toMatchObject({ kind: 'not-found' });
    const pauses = Array.from({ length: MOST_ATTEMPTS - 1 }, (_, n) => pauseAfter(n + 1));
    expect([pauses[0], pauses[3], pauses.at(-1)]).toEqual([1_000, 8_000, 3_600_000]);
  });

  it('do not follow redirects, and reach others while one hangs', async () => {
    receiver.answers.set('/broken', 302);
    receiver.answers.set('/hangs', 'hang');
    await hook('/hangs');
    await hook('/healthy');
    const client = new Client(deployment, context, 'other');
    for (let n = 0; n < 20; n += 1) await client.put(`many/${n}`, 'x');
    await deployment.recorder.flush();
    const stop = new AbortController();
    const isThere = () => receiver.at('/healthy').length >= 20 && receiver.at('/hangs').length >= 8;
    for (let turn = 0; !isThere() && turn < 3_000; turn += 1) {
      await deliveries.begin(stop.signal);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(receiver.at('/healthy')).toHaveLength(20);
    expect(receiver.at('/hangs')).toHaveLength(8);
    expect(receiver.at('/redirected')).toEqual([]);
    stop.abort();
    await deliveries.idle();
    for (const { id } of (await deployment.events.listWebhooks({ limit: 10 })).items)
      await deployment.events.deleteWebhook(id);
    expect((await deployment.events.listDeliveries({ limit: 10 })).items).toEqual([]);
  });

  it('are streamed as they come, from `ready` on, and after the one that was seen last', async () => {
    const gone = new AbortController();
    const seen: string[] = [];
    let last = '';
    const watching = (async () => {
      for await (const one of deployment.events.watch({ events: ['object.created'] }, undefined, gone.signal)) {
        seen.push('event' in one ? (one.event.key ?? '') : 'ready');
        last = 'event' in one ? one.event.id : last;
        if (seen.length === 1) await new Client(deployment, context, 'other').put('streamed/1', 'x');
        if (seen.length === 2) gone.abort();
      }
    })();
    await watching;
    expect(seen).toEqual(['ready', 'streamed/1']);
    expect(await deployment.controlPlane.events.wanted()).toEqual([]);
    const again = new AbortController();
    for await (const one of deployment.events.watch({ events: [] }, String(Number(last) - 1), again.signal))
      if ('event' in one) {
        expect(one.event.key).toBe('streamed/1');
        again.abort();
      }
  });

  it('are forgotten in the end, with what nobody took', async () => {
    await hook('/broken');
    await new Client(deployment, context, 'other').put('old', 'x');
    await deliver();
    expect((await deployment.events.listDeliveries({ limit: 10 })).items).toHaveLength(1);
    expect(await deployment.controlPlane.events.prune(Date.now() + 60_000)).toBeGreaterThan(0);
    expect((await deployment.events.listDeliveries({ limit: 10 })).items).toEqual([]);
  });

  it('tell of a bucket that was deleted', async () => {
    await hook('/buckets', { events: ['bucket.deleted'] });
    await createBucket(deployment.engine, context, { name: 'short-lived', backend: 'local' });
    const bucket = await openBucket(deployment.engine, context, 'short-lived');
    await deleteBucket(deployment.engine, context, bucket.id);
    await deliver();
    expect(receiver.at('/buckets').map(({ event }) => event)).toMatchObject([
      { type: 'bucket.deleted', bucket: 'short-lived', data: { id: bucket.id } },
    ]);
  });
});

describe('webhooks, by default', () => {
  const stand = new Stand();
  const receiver = new WebhookReceiver();
  let deployment: OpenDeployment;
  beforeAll(async () => {
    await stand.start();
    await receiver.start();
    deployment = await stand.fresh();
  });
  afterAll(async () => {
    receiver.stop();
    await stand.dispose();
  });

  it.each([
    ['http://example.com/', {}, /https/],
    ['https://127.0.0.1/', {}, /internet/],
    ['https://[::1]:8443/', {}, /internet/],
    ['https://[::ffff:10.0.0.1]/', {}, /internet/],
    ['https://2130706433/', {}, /internet/],
    ['https://0x7f.1/', {}, /internet/],
    ['https://169.254.169.254/latest/meta-data', {}, /internet/],
    ['https://localhost/', {}, /internet/],
    ['https://sub.localhost./', {}, /internet/],
    ['https://user:secret@example.com/', {}, /password/],
    ['ftp://example.com/', { insecure: true }, /https/],
    ['nonsense', {}, /address/],
    ['https://example.com/', { events: ['object.eaten'] }, /events/],
    ['https://example.com/', { prefix: 7 }, /prefix/],
  ])('refuse %s', async (url, more, message) => {
    await expect(deployment.events.createWebhook({ url, ...more })).rejects.toMatchObject({
      code: 'invalid-webhook',
      message: expect.stringMatching(message),
    });
  });

  it('never reach a private address, also where a name leads there or the row was made otherwise', async () => {
    const secrets = deployment.webhookSecrets;
    const port = new URL(receiver.url('/')).port;
    const ids = ['5b6e0d67-2f0f-4dbd-a1b1-ac9a9eb7b9c1', '5b6e0d67-2f0f-4dbd-a1b1-ac9a9eb7b9c2'];
    for (const [n, host] of ['localhost', '127.0.0.1'].entries()) {
      const id = ids[n] ?? '';
      const url = `http://${host}:${port}/inside`;
      const secret = secrets.seal(id, secrets.make());
      await deployment.controlPlane.events.createWebhook({ id, url, events: [], insecure: true, secret });
    }
    await deployment.controlPlane.events.append([{ at: Date.now(), type: 'job.completed', data: {} }]);
    const { engine } = deployment;
    const deliveries = new Deliveries({ ...deployment, clock: engine.clock, secrets, allowPrivate: false });
    expect(await deliveries.begin(new AbortController().signal)).toBe(2);
    await deliveries.idle();
    const { items } = await deployment.events.listDeliveries({ limit: 10 });
    expect(items.map(({ lastError }) => lastError)).toEqual([
      expect.stringContaining('private network'),
      expect.stringContaining('private network'),
    ]);
    expect(receiver.received).toEqual([]);
  });
});
