import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { operationsOf, type Description } from './description.js';
import { basic, ROOT, START_MS, Stand } from './stand.js';

interface Shown {
  readonly id: string;
  readonly action: string;
  readonly resource: string;
  readonly actor?: string;
  readonly accessKey?: string;
  readonly result: string;
  readonly status?: number;
  readonly code?: string;
  readonly count: number;
  readonly requestId?: string;
  readonly remoteAddress?: string;
  readonly forwardedFor?: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Routes of changing methods that change no configuration: they compute an answer, or touch objects alone. */
const PASSED_OVER = [
  ...['planMigration', 'validateName', 'previewLifecycle', 'previewRetier', 'previewTier', 'countUsage'],
  ...['deleteObjects', 'putObject', 'copyObject', 'changeObject', 'deleteObject'],
];

describe('the audit log of the API', () => {
  let stand: Stand;
  let ada: { accessKey: string; secretKey: string };
  let user: string;
  const log = async (query = ''): Promise<readonly Shown[]> => {
    const answer = await stand.ask('GET', `/admin/v1/audit?limit=1000${query}`);
    expect(answer.status).toBe(200);
    return (answer.json as { items: Shown[] }).items;
  };
  /** Refusals are written behind. */
  const until = async (query: string, wanted: (records: readonly Shown[]) => boolean): Promise<readonly Shown[]> => {
    for (let turn = 0; turn < 1_800; turn += 1) {
      const records = await log(query);
      if (wanted(records)) return records;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`never came: ${query}: ${JSON.stringify(await log(query))}`);
  };

  beforeAll(async () => {
    stand = await Stand.start();
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'ada' } });
    ada = (await stand.ask('POST', '/admin/v1/keys', { json: { user: 'ada' } })).json as typeof ada;
    user = basic(ada.accessKey, ada.secretKey);
    await stand.ask('PUT', '/v1/roots', { json: { backend: 'local' } });
    await stand.ask('PUT', '/v1/roots/secret', { body: 'secret' });
  }, START_MS);
  afterAll(() => stand.stop());

  it('says who made which change, to what, from where, and what came of it', async () => {
    const headers = { 'x-request-id': 'audit-1', 'x-forwarded-for': '203.0.113.7' };
    const json = { name: 'bob', role: 'admin' };
    expect((await stand.ask('POST', '/admin/v1/users', { json, headers })).status).toBe(201);
    expect(await log('&action=createUser&resource=/admin/v1/users')).toContainEqual({
      id: expect.stringMatching(/^\d+$/),
      at: expect.any(String),
      settledAt: expect.any(String),
      actor: 'root',
      actorId: expect.any(String),
      accessKey: ROOT.accessKey,
      action: 'createUser',
      resource: '/admin/v1/users',
      remoteAddress: expect.stringContaining('127.0.0.1'),
      forwardedFor: '203.0.113.7',
      requestId: 'audit-1',
      result: 'done',
      status: 201,
      count: 1,
      details: { id: expect.any(String), name: 'bob', role: 'admin' },
    });
    expect(await log('&actor=system')).toContainEqual(expect.objectContaining({ action: 'makeFirstAdministrator' }));
  });

  it('has changes that were refused, with the reason', async () => {
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'ada' } });
    await stand.ask('PATCH', '/admin/v1/users/root', { json: { disabled: true } });
    await stand.ask('PUT', '/admin/v1/tiers/Odd', { json: { classes: 7 } });
    const refused = await log('&result=refused');
    expect(refused).toContainEqual(expect.objectContaining({ action: 'createUser', status: 409, code: 'exists' }));
    expect(refused).toContainEqual(
      expect.objectContaining({ action: 'changeUser', code: 'last-administrator', details: { disabled: true } }),
    );
    expect(refused).toContainEqual(expect.objectContaining({ action: 'putTier', status: 400, code: 'invalid-tier' }));
  });

  it('has every changing route there is, without a word from its controller', async () => {
    const description = (await stand.ask('GET', '/docs-json')).json as Description;
    const changing = operationsOf(description).filter(({ method }) => !['GET', 'HEAD'].includes(method));
    for (const { method, path, operation } of changing) {
      const id = operation.operationId;
      const address = path.replace(/\{(\w+)\}/g, 'Not-There-At-All') + (id === 'deleteObjects' ? '?delete' : '');
      const headers = { 'x-request-id': `route-${id}` };
      // An array is no body of any route, and none of the names is there: nothing is changed.
      await stand.ask(method, address, { headers, json: [] });
      const records = (await log()).filter(({ requestId }) => requestId === `route-${id}`);
      const isPassedOver = PASSED_OVER.includes(id);
      expect([id, records.map(({ action, result }) => [action, result])]).toEqual([
        id,
        isPassedOver ? [] : [[id, expect.stringMatching(/refused|done/)]],
      ]);
    }
  }, 120_000);

  it('has refused requests to every surface, equal ones counted together', async () => {
    for (let n = 0; n < 5; n += 1) await stand.ask('GET', '/v1/roots/secret', { authorization: user });
    await stand.ask('GET', '/v1/roots', { authorization: user });
    await stand.ask('GET', '/admin/v1/backends', { authorization: user });
    await stand.ask('DELETE', '/admin/v1/backends/local', { authorization: user });
    const mine = await until(`&actor=${ada.accessKey}`, (all) => all.reduce((n, { count }) => n + count, 0) >= 8);
    const shown = (action: string) => mine.filter((record) => record.action === action);
    expect(shown('getObject').reduce((n, { count }) => n + count, 0)).toBe(5);
    expect(shown('getObject')[0]).toMatchObject({
      actor: 'ada',
      status: 403,
      code: 'access-denied',
      result: 'refused',
    });
    for (const action of ['listObjects', 'listBackends', 'removeBackend']) expect(shown(action)).toHaveLength(1);
  });

  it('has who could not say who they are, and never the secret they typed, wherever they typed it', async () => {
    const typed = 'correct-horse-battery-staple';
    const attempts = [basic(ada.accessKey, typed), basic(typed, 'x'), basic(typed, ada.secretKey), 'Basic', ''];
    for (const authorization of attempts) {
      await stand.ask('GET', '/v1/roots/secret?tags', { authorization });
      await stand.ask('POST', '/admin/v1/users', { authorization, json: { name: typed } });
    }
    const json = { name: 'x', type: 's3', endpoint: typed, credentials: { accessKey: 'a', secretKey: typed } };
    await stand.ask('POST', '/admin/v1/backends', { json });
    await stand.ask('POST', '/admin/v1/tiers', { json: { [typed]: 1 } });
    await stand.ask('GET', `/v1/roots/secret?signature=${typed}`, { authorization: '' });
    const isAll = (all: readonly Shown[]) => all.filter(({ status }) => status === 401).length >= 6;
    const records = await until('&result=refused', isAll);
    expect(records).toContainEqual(
      expect.objectContaining({ accessKey: ada.accessKey, status: 401, action: 'createUser' }),
    );
    expect(records).toContainEqual(expect.objectContaining({ accessKey: '(unknown)', status: 401 }));
    const anonymous = records.find((record) => record.status === 401 && record.accessKey === undefined);
    expect(anonymous).not.toHaveProperty('actor');
    const text = JSON.stringify(await log());
    for (const secret of [typed, ada.secretKey, ROOT.secret]) expect(text).not.toContain(secret);
  });

  it('goes on after a name that it cannot hold', async () => {
    const backend = `${'a'.repeat(255)}💥`;
    const refused = await stand.ask('PUT', '/v1/odd', { json: { backend }, authorization: user });
    expect(refused.json).toMatchObject({ status: 400, code: 'unknown-backend' });
    const half = await stand.ask('POST', '/admin/v1/users', { json: { name: 'half \ud83d' } });
    expect(half.json).toMatchObject({ status: 400, code: 'invalid-json' });
    expect((await stand.ask('POST', '/admin/v1/users', { json: { name: 'whole 💥' } })).status).toBe(201);
    const headers = { 'x-request-id': 'after-the-odd-one' };
    expect((await stand.ask('GET', '/v1/roots/secret', { authorization: user, headers })).status).toBe(403);
    await until('&result=refused', (records) => records.some(({ requestId }) => requestId === 'after-the-odd-one'));
    expect((await log('&resource=/v1/odd'))[0]).toMatchObject({ result: 'refused', code: 'unknown-backend' });
    expect(await log('&result=begun')).toEqual([]);
  });

  it('is for administrators, refuses a question it does not understand, and exports what it lists', async () => {
    for (const path of ['/admin/v1/audit', '/admin/v1/audit/export'])
      expect((await stand.ask('GET', path, { authorization: user })).status).toBe(403);
    for (const query of ['from=yesterday', 'after=x', 'result=odd', 'what=x', 'limit=0'])
      expect((await stand.ask('GET', `/admin/v1/audit?${query}`)).json).toMatchObject({ status: 400 });
    await stand.ask('POST', '/admin/v1/users', { json: { name: 'last' } });
    const listed = await log('&action=createUser');
    const answer = await stand.ask('GET', '/admin/v1/audit/export?action=createUser');
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = answer.bytes.toString().trimEnd().split('\n');
    const exported = lines.map((line) => JSON.parse(line) as Shown);
    expect(exported.toReversed()).toEqual(listed);
    const rest = await stand.ask('GET', `/admin/v1/audit/export?action=createUser&after=${exported.at(-2)?.id}`);
    expect(rest.bytes.toString().trimEnd()).toBe(lines.at(-1));
  });
});

describe('a change that cannot be recorded', () => {
  it('is not made, and one whose outcome cannot be told is shown as begun', async () => {
    const stand = await Stand.start();
    try {
      const { audit } = stand.api.deployment.controlPlane;
      const id = await audit.begin({ at: Date.now(), action: 'createUser', resource: '/admin/v1/users' });
      const found = (await stand.ask('GET', '/admin/v1/audit?result=begun')).json as { items: Shown[] };
      expect(found.items.map((record) => record.id)).toEqual([id]);
      await stand.postgresQuery(`ALTER TABLE audit ADD CONSTRAINT closed CHECK (action <> 'createUser') NOT VALID`);
      expect((await stand.ask('POST', '/admin/v1/users', { json: { name: 'eve' } })).status).toBe(500);
      expect((await stand.ask('GET', '/admin/v1/users/eve')).status).toBe(404);
      await stand.postgresQuery('ALTER TABLE audit DROP CONSTRAINT closed');
      expect((await stand.ask('POST', '/admin/v1/users', { json: { name: 'eve' } })).status).toBe(201);
    } finally {
      await stand.stop();
    }
  }, 120_000);
});
