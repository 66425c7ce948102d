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
