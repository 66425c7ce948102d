import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { operationsOf, type Description } from './description.js';
import { basic, START_MS, Stand } from './stand.js';

/** What users may ask of the product that is nobody's in particular, and of themselves. */
const FOR_ALL = [
  'listBuckets',
  'createBucket',
  'listVendors',
  'getVendor',
  'validateName',
  'listTiers',
  'getTier',
  'getMe',
  'listKeys',
  'createKey',
  'metrics',
  // Of buckets of their own: see below.
  'listUsage',
  'listUsageHistory',
];

describe('who may do what', () => {
  let stand: Stand;
  let user: string;
  let migration: string;
  let description: Description;
  let rootKey: string;
  const ask = (method: string, path: string, json?: unknown, authorization = user) =>
    stand.ask(method, path, { authorization, ...(json === undefined ? {} : { json }) });

  beforeAll(async () => {
    stand = await Stand.start();
    description = (await stand.ask('GET', '/docs-json')).json as Description;
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'ada' } });
    const key = await stand.ask('POST', '/admin/v1/keys', { json: { user: 'ada' } });
    const { accessKey, secretKey } = key.json as { accessKey: string; secretKey: string };
    user = basic(accessKey, secretKey);
    await stand.ask('PUT', '/v1/roots', { json: { backend: 'local' } });
    await stand.ask('PUT', '/v1/roots/secret', { body: 'secret' });
    await ask('PUT', '/v1/adas', { backend: 'local' });
    const options = { path: `${stand.directory}/second` };
    await stand.ask('POST', '/admin/v1/backends', { json: { name: 'second', type: 'filesystem', options } });
    const begun = await stand.ask('POST', '/admin/v1/migrations', {
      json: { bucket: 'roots', destination: { backend: 'second' } },
    });
    migration = (begun.json as { id: string }).id;
    rootKey = 'root-access';
  }, START_MS);
  afterAll(() => stand.stop());

  it('a user can see and touch nothing of others by any route there is', async () => {
    const body: Record<string, unknown> = {
      deleteObjects: { keys: ['secret'] },
      changeObject: { metadata: { a: 'b' } },
      startMigration: { bucket: 'roots', destination: { backend: 'local' } },
      planMigration: { bucket: 'roots', destination: { backend: 'local' } },
      putLifecycle: { rules: [] },
      changeKey: { disabled: true },
      putBucketEncryption: { enabled: true },
      putBucketPolicy: { policy: 'Silver' },
    };
    const query: Record<string, string> = {
      deleteObjects: '?delete',
      copyObject: '?copyFrom=/roots/secret',
      listMigrations: '?bucket=roots',
      listJobs: '?bucket=roots',
    };
    const values: Record<string, string> = {
      bucket: 'roots',
      object: 'secret',
      id: migration,
      accessKey: rootKey,
      name: 'local',
      user: 'root',
      vendor: 'aws',
    };
    for (const { method, path, operation, open } of operationsOf(description)) {
      const id = operation.operationId;
      if (open || FOR_ALL.includes(id)) continue;
      const address = path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '') + (query[id] ?? '');
      const sent = method === 'GET' || method === 'HEAD' ? undefined : (body[id] ?? {});
      const answer = await ask(method, address, sent);
      expect([id, answer.status]).toEqual([id, path.includes('{accessKey}') ? 404 : 403]);
      const nobody = await ask(method, address, sent, '');
      expect([id, nobody.status, nobody.headers.get('www-authenticate')]).toEqual([
        id,
        401,
        expect.stringContaining('Basic'),
      ]);
    }
    expect((await stand.ask('GET', '/v1/roots/secret')).bytes.toString()).toBe('secret');
  });

  it('a user does what is theirs: buckets, objects, lifecycle, migrations, keys', async () => {
    expect((await ask('GET', '/v1/')).json).toMatchObject({ buckets: [{ displayname: 'adas', owner: 'ada' }] });
    expect((await stand.ask('GET', '/v1/')).json).toMatchObject({
      buckets: [{ displayname: 'adas' }, { displayname: 'roots' }],
    });
    expect((await ask('PUT', '/v1/adas/x', {})).status).toBe(200);
    expect((await ask('POST', '/v1/adas/y?copyFrom=/roots/secret', {})).status).toBe(403);
    expect((await ask('PUT', '/v1/roots', { backend: 'local' })).status).toBe(409);
    expect((await ask('PUT', '/admin/v1/buckets/adas/lifecycle', { rules: [] })).status).toBe(200);
    expect((await ask('GET', '/admin/v1/migrations')).status).toBe(403);
    expect((await ask('GET', '/admin/v1/migrations?bucket=adas')).json).toEqual({ items: [], next: null });
    expect((await ask('GET', '/admin/v1/users/me')).json).toMatchObject({ name: 'ada', role: 'user' });
    expect((await ask('POST', '/admin/v1/keys', { user: 'root' })).status).toBe(403);
    const made = (await ask('POST', '/admin/v1/keys')).json as { accessKey: string; secretKey: string };
    const second = basic(made.accessKey, made.secretKey);
    expect((await ask('GET', '/v1/', undefined, second)).status).toBe(200);
    const keys = (await ask('GET', '/admin/v1/keys')).json as { items: object[] };
    expect(keys.items).toHaveLength(2);
    expect(JSON.stringify(keys)).not.toContain(made.secretKey);
    const rotated = (await ask('POST', `/admin/v1/keys/${made.accessKey}/rotate`)).json as { secretKey: string };
    expect((await ask('GET', '/v1/', undefined, second)).status).toBe(401);
    const third = basic(made.accessKey, rotated.secretKey);
    expect((await ask('GET', '/v1/', undefined, third)).status).toBe(200);
    expect((await ask('PATCH', `/admin/v1/keys/${made.accessKey}`, { disabled: true })).status).toBe(200);
    expect((await ask('GET', '/v1/adas/x', undefined, third)).status).toBe(401);
    expect((await ask('DELETE', `/admin/v1/keys/${made.accessKey}`)).status).toBe(204);
  });

  it('a user sees the usage of their own buckets, now and over time, and nothing of others', async () => {
    for (const bucket of ['adas', 'roots']) await stand.ask('POST', `/admin/v1/usage/count?bucket=${bucket}`);
    await stand.ask('PUT', '/v1/adas/used', { body: 'four' });
    await stand.ask('POST', '/admin/v1/usage/count?bucket=adas');
    const names = async (path: string) =>
      ((await ask('GET', path)).json as { items: { name: string }[] }).items.map(({ name }) => name);
    expect(await names('/admin/v1/usage')).toEqual(['adas']);
    expect(await names('/admin/v1/usage?by=owner')).toEqual(['ada']);
    expect(await names('/admin/v1/usage?by=tier')).toEqual(['(none)']);
    expect((await ask('GET', '/admin/v1/usage?by=backend')).json).toMatchObject({ status: 403 });
    const own = (await ask('GET', '/admin/v1/usage')).json as { items: { objects: number }[] };
    const [day] = ((await ask('GET', '/admin/v1/usage/history')).json as { items: { objects: number }[] }).items;
    expect(day?.objects).toBe(own.items[0]?.objects);
    const theirs = await ask('GET', '/admin/v1/usage/history?by=bucket&name=roots');
    expect(theirs.json).toMatchObject({ items: [] });
  });

  it('a user begins, watches and stops jobs of their own buckets, and none of others', async () => {
    const rules = [{ id: 'old', enabled: true, filter: {}, expiration: { days: 1 } }];
    await ask('PUT', '/admin/v1/buckets/adas/lifecycle', { rules });
    await ask('PUT', '/admin/v1/buckets/adas/policy', { policy: 'gold' });
    expect((await ask('GET', '/admin/v1/buckets/adas/policy')).json).toEqual({ bucket: 'adas', policy: 'Gold' });
    const run = (await ask('POST', '/admin/v1/buckets/adas/lifecycle/runs')).json as { id: string };
    const retier = (await ask('POST', '/admin/v1/buckets/adas/retier')).json as { id: string };
    for (const [{ id }, type] of [
      [run, 'lifecycle-run'],
      [retier, 'retier'],
    ] as const) {
      expect((await ask('GET', `/admin/v1/jobs/${id}`)).json).toMatchObject({ id, type, state: 'planned' });
      expect((await ask('POST', `/admin/v1/jobs/${id}/pause`)).json).toMatchObject({ state: 'paused' });
      const watched = ask('GET', `/admin/v1/jobs/${id}/events`);
      expect((await ask('POST', `/admin/v1/jobs/${id}/cancel`)).json).toMatchObject({ state: 'cancelled' });
      expect((await watched).bytes.toString()).toMatch(/event: end\n/);
    }
    const listed = (await ask('GET', '/admin/v1/jobs?bucket=adas')).json as { items: { id: string }[] };
    expect(listed.items.map(({ id }) => id)).toEqual([retier.id, run.id]);
    expect((await ask('GET', '/admin/v1/jobs')).status).toBe(403);
    const reconcile = await stand.ask('POST', '/admin/v1/buckets/adas/reconcile');
    const { id } = reconcile.json as { id: string };
    expect((await ask('GET', `/admin/v1/jobs/${id}`)).status).toBe(200);
    expect((await ask('POST', `/admin/v1/jobs/${id}/cancel`)).status).toBe(403);
  });

  it('the last administrator stays, and a disabled user opens nothing', async () => {
    const last = await stand.ask('PATCH', '/admin/v1/users/root', { json: { disabled: true } });
    expect(last.json).toMatchObject({ status: 409, code: 'last-administrator' });
    await stand.ask('PATCH', '/admin/v1/users/ada', { json: { disabled: true } });
    expect((await ask('GET', '/v1/adas/x')).status).toBe(401);
    const owner = await stand.ask('DELETE', '/admin/v1/users/ada');
    expect(owner.json).toMatchObject({ status: 409, code: 'in-use' });
  });

  it.each(['', 'Basic', 'Basic !!!', 'Bearer x', 'Basic eA==', `Basic ${Buffer.from(':x').toString('base64')}`])(
    'credentials of another form are refused: %j',
    async (authorization) => {
      for (const path of ['/v1/', '/v1/roots/secret', '/admin/v1/backends'])
        expect((await stand.ask('GET', path, { authorization })).status).toBe(401);
    },
  );
});
