import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ControlPlane, NewBackend, PostgresConnection } from '../src/control-plane/index.js';
import type { BucketId } from '../src/object-index/records.js';
import { TestPostgres } from './control-plane-server.js';

const postgres = new TestPostgres();
let plane: ControlPlane;
let connection: PostgresConnection;

beforeAll(async () => {
  await postgres.start();
  connection = await postgres.freshDatabase();
  plane = await postgres.open({ connection });
});
afterAll(() => postgres.dispose());

let count = 0;
const unique = (word: string): string => `${word}-${String((count += 1)).padStart(3, '0')}`;
const kind = (expected: string): unknown => expect.objectContaining({ name: 'ControlPlaneError', kind: expected });

function aBackend(name = unique('backend')): NewBackend {
  return {
    name,
    type: 's3',
    profile: 'minio',
    endpoint: 'http://127.0.0.1:9',
    options: { insecure: true },
    credentials: 'sealed:1',
    capabilities: { tokens: 'version', storageClasses: ['STANDARD'] },
    state: 'ok',
  };
}

/** Somebody must be able to administer before users and keys may change. */
const anAdministrator = () =>
  plane.users.create({
    name: unique('admin'),
    role: 'admin',
    key: { accessKeyId: unique('AKIA'), secret: 'sealed:admin' },
  });

async function aBucket(): Promise<{ id: BucketId; name: string; ownerId: string; backendId: string; policy: string }> {
  const owner = await plane.users.create({ name: unique('owner'), role: 'user' });
  const backend = await plane.backends.create(aBackend());
  const { policy } = await plane.tiers.put({
    name: unique('tier'),
    description: '',
    classes: {},
    attributes: {},
    backends: [],
  });
  const { id, name } = await plane.buckets.create({
    name: unique('bucket'),
    state: 'creating',
    ownerId: owner.id,
    type: 's3',
    backendId: backend.id,
    policy: policy.name,
  });
  return { id, name, ownerId: owner.id, backendId: backend.id, policy: policy.name };
}

describe('backends', () => {
  it('reads back what was registered, the sealed credentials as they are', async () => {
    const made = await plane.backends.create(aBackend());
    expect(made.revision).toBe(1);
    expect(await plane.backends.get(made.name)).toEqual(made);
    expect(await plane.backends.findById(made.id)).toEqual(made);
    expect(made).not.toHaveProperty('region');
  });

  it('refuses a second of the same name, and says of an unknown one that there is none', async () => {
    const { name } = await plane.backends.create(aBackend());
    await expect(plane.backends.create(aBackend(name))).rejects.toEqual(kind('exists'));
    await expect(plane.backends.get('nowhere')).rejects.toEqual(kind('not-found'));
    expect(await plane.backends.find('nowhere')).toBeUndefined();
    expect(await plane.backends.findById('no-uuid')).toBeUndefined();
  });

  it('lets a change through only on the revision it was made for', async () => {
    const made = await plane.backends.create(aBackend());
    const rotated = await plane.backends.update(made.id, 1, { credentials: 'sealed:2', endpoint: undefined });
    expect(rotated).toMatchObject({ credentials: 'sealed:2', revision: 2 });
    expect(rotated).not.toHaveProperty('endpoint');
    await expect(plane.backends.update(made.id, 1, { state: 'denied' })).rejects.toEqual(kind('conflict'));
    await expect(plane.backends.update(randomUUID(), 1, {})).rejects.toEqual(kind('not-found'));
  });

  it('pages through all, in the order of names', async () => {
    await plane.backends.create(aBackend());
    await plane.backends.create(aBackend());
    const names: string[] = [];
    let after: string | undefined;
    do {
      const page = await plane.backends.list({ limit: 1, ...(after === undefined ? {} : { after }) });
      names.push(...page.items.map((item) => item.name));
      after = page.next;
    } while (after !== undefined);
    const all = await plane.backends.list({ limit: 1_000 });
    expect(names).toEqual(all.items.map((item) => item.name));
    expect(names).toEqual([...names].sort());
    await expect(plane.backends.list({ limit: 0 })).rejects.toThrow('limit must be');
  });
});

describe('tier policies', () => {
  const policy = { description: 'd', classes: { aws: 'STANDARD' }, attributes: { iops: 5 }, backends: ['a', 'b'] };

  it('are found in any case, keep the first one, and are replaced by a second put', async () => {
    const name = unique('Gold');
    expect(await plane.tiers.put({ ...policy, name })).toMatchObject({ created: true, policy: { name, ...policy } });
    const again = await plane.tiers.put({ ...policy, name: name.toUpperCase(), backends: [] });
    expect(again).toMatchObject({ created: false, policy: { name, backends: [], revision: 2 } });
    expect(await plane.tiers.get(name.toLowerCase())).toEqual(again.policy);
    await expect(plane.tiers.put({ ...policy, name }, 1)).rejects.toEqual(kind('conflict'));
    await plane.tiers.delete(name.toUpperCase());
    await expect(plane.tiers.delete(name)).rejects.toEqual(kind('not-found'));
  });

  it('are seeded once in the life of a deployment, by one of those who try', async () => {
    const seeds = [{ ...policy, name: unique('Seed') }];
    const results = await Promise.all([1, 2, 3].map(() => plane.tiers.seed(seeds)));
    expect(results.filter(Boolean)).toHaveLength(1);
    await plane.tiers.delete(seeds[0]?.name ?? '');
    expect(await plane.tiers.seed(seeds)).toBe(false);
    expect(await plane.tiers.find(seeds[0]?.name ?? '')).toBeUndefined();
  });
});

describe('users and keys', () => {
  it('belong together, and go together', async () => {
    await anAdministrator();
    const name = unique('user');
    const key = { accessKeyId: unique('AKIA'), secret: 'sealed:a' };
    const user = await plane.users.create({ name, role: 'user', key });
    await expect(plane.users.create({ name, role: 'user' })).rejects.toEqual(kind('exists'));
    await expect(plane.keys.create(user.id, key)).rejects.toEqual(kind('exists'));
    await expect(plane.keys.create(randomUUID(), { ...key, accessKeyId: 'other' })).rejects.toEqual(kind('not-found'));
    expect(await plane.keys.rotate(key.accessKeyId, 'sealed:b')).toMatchObject({ secret: 'sealed:b', revision: 2 });
    expect(await plane.keys.setDisabled(key.accessKeyId, true)).toMatchObject({ disabled: true });
    expect((await plane.keys.list({ limit: 10, userId: user.id })).items).toHaveLength(1);
    await plane.users.delete(user.id);
    expect(await plane.keys.find(key.accessKeyId)).toBeUndefined();
    expect(await plane.users.find(name)).toBeUndefined();
  });

  it('a user and a key of one call are made together or not at all', async () => {
    const key = { accessKeyId: unique('AKIA'), secret: 'sealed' };
    await plane.users.create({ name: unique('user'), role: 'user', key });
    const name = unique('user');
    await expect(plane.users.create({ name, role: 'user', key })).rejects.toEqual(kind('exists'));
    expect(await plane.users.find(name)).toBeUndefined();
  });
});

describe('buckets and lifecycles', () => {
  it('a row reserves the name (A0.1) and holds its owner, home and policy', async () => {
    await anAdministrator();
    const bucket = await aBucket();
    const again = { name: bucket.name, state: 'creating', type: 's3', ownerId: bucket.ownerId } as const;
    await expect(plane.buckets.create({ ...again, backendId: bucket.backendId })).rejects.toEqual(kind('exists'));
    await expect(plane.backends.delete(bucket.backendId)).rejects.toEqual(kind('in-use'));
    await expect(plane.users.delete(bucket.ownerId)).rejects.toEqual(kind('in-use'));
    await expect(plane.tiers.delete(bucket.policy)).rejects.toEqual(kind('in-use'));
    const elsewhere = { ...again, name: unique('bucket'), backendId: randomUUID() };
    await expect(plane.buckets.create(elsewhere)).rejects.toEqual(kind('not-found'));
    await plane.buckets.delete(bucket.id);
    await plane.backends.delete(bucket.backendId);
    await expect(plane.buckets.get(bucket.name)).rejects.toEqual(kind('not-found'));
  });

  it('of two deletions, one begins', async () => {
    const { id } = await aBucket();
    await plane.buckets.update(id, { from: 'creating', state: 'active' });
    const begin = () => plane.buckets.update(id, { from: 'active', state: 'deleting' });
    const results = await Promise.allSettled([begin(), begin()]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(begin()).rejects.toEqual(kind('conflict'));
  });

  it('are listed by owner, by home and by policy', async () => {
    const { id, ownerId, backendId, policy } = await aBucket();
    for (const filter of [{ ownerId }, { backendId }, { policy }]) {
      const page = await plane.buckets.list({ limit: 10, ...filter });
      expect(page.items.map((item) => item.id)).toEqual([id]);
    }
    expect((await plane.buckets.list({ limit: 10, ownerId: 'nobody' })).items).toEqual([]);
  });

  it('rules are replaced as a whole, remember their last run, and go with the bucket', async () => {
    const { id } = await aBucket();
    await plane.lifecycles.put(id, [{ id: 'old' }]);
    await plane.lifecycles.markRun(id, 1_700_000_000_000);
    const rules = [
      { id: 'r1', enabled: true },
      { id: 'r2', filter: { prefix: 'ü/' } },
    ];
    expect(await plane.lifecycles.put(id, rules)).toMatchObject({ rules, lastRunAt: 1_700_000_000_000 });
    expect((await plane.lifecycles.list({ limit: 100 })).items.map((item) => item.bucketId)).toContain(id);
    await expect(plane.lifecycles.put(randomUUID() as BucketId, rules)).rejects.toEqual(kind('not-found'));
    await plane.buckets.delete(id);
    expect(await plane.lifecycles.find(id)).toBeUndefined();
  });
});

describe('exclusive work', () => {
  it('is done by one at a time, and by the next when it has ended, also by an error', async () => {
    const other = await postgres.open({ connection });
    const { promise, resolve } = Promise.withResolvers<string>();
    const begun = Promise.withResolvers<undefined>();
    const first = plane.exclusively('sweep', () => {
      begun.resolve(undefined);
      return promise;
    });
    await begun.promise;
    await expect(plane.exclusively('another', () => Promise.resolve('free'))).resolves.toBe('free');
    await expect(other.exclusively('sweep', () => Promise.resolve('second'))).resolves.toBeUndefined();
    resolve('first');
    await expect(first).resolves.toBe('first');
    await expect(other.exclusively('sweep', () => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    await expect(plane.exclusively('sweep', () => Promise.resolve('third'))).resolves.toBe('third');
  });
});

describe('master keys', () => {
  it('are begun once, one current at a time, retired together, and part of the configuration', async () => {
    const other = await postgres.open({ connection: await postgres.freshDatabase() });
    const states = async (): Promise<string[]> =>
      (await other.masterKeys.list()).map(({ id, state }) => `${id} ${state}`).sort();
    await Promise.all([other.masterKeys.begin(['a']), other.masterKeys.begin(['a']), other.masterKeys.begin(['a'])]);
    expect(await states()).toEqual(['a current']);
    await Promise.all([other.masterKeys.makeCurrent('b'), other.masterKeys.makeCurrent('c')]);
    const now = await states();
    expect(now.filter((text) => text.endsWith('current'))).toHaveLength(1);
    expect(now).toContain('a retiring');
    await other.masterKeys.makeCurrent('c');
    expect((await other.masterKeys.retire()).filter(({ retiredAt }) => retiredAt !== undefined)).toHaveLength(2);
    expect(await states()).toEqual(['a retired', 'b retired', 'c current']);
    await other.masterKeys.makeCurrent('a');
    expect(await states()).toEqual(['a current', 'b retired', 'c retiring']);
    other.configuration.invalidate();
    const { masterKeys } = await other.configuration.current();
    expect(masterKeys.find(({ state }) => state === 'current')?.id).toBe('a');
  });

  it('let a sealed secret be sealed anew only if nobody has changed it', async () => {
    const user = await anAdministrator();
    const key = await plane.keys.create(user.id, { accessKeyId: unique('AKIA'), secret: 'sealed:old' });
    expect(await plane.keys.reseal(key.accessKeyId, 'sealed:other', 'sealed:new')).toBe(false);
    expect(await plane.keys.reseal(key.accessKeyId, 'sealed:old', 'sealed:new')).toBe(true);
    expect(await plane.keys.get(key.accessKeyId)).toMatchObject({ secret: 'sealed:new', revision: key.revision });
  });
});
