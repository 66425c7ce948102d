import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openControlPlane, type ControlPlane } from '#libs/metadata';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { MasterKey } from '#libs/secrets';
import pg from 'pg';
import { Authenticator, ensureFirstAdministrator, isAdmin, ownsBucket, UserService } from '../src/index.js';

const directory = mkdtempSync(join(tmpdir(), 'spumoni-id-'));
const masterKey = new MasterKey(randomBytes(32));
const planes: ControlPlane[] = [];
let server: EmbeddedPostgres;
let databases = 0;

async function open(database: string): Promise<ControlPlane> {
  const plane = await openControlPlane({ connection: { ...server.connection, database } });
  planes.push(plane);
  return plane;
}

async function freshDatabase(): Promise<string> {
  const client = new pg.Client({ ...server.connection });
  await client.connect();
  const database = `identity_${String((databases += 1))}`;
  await client.query(`CREATE DATABASE ${database}`);
  await client.end();
  return database;
}

beforeAll(async () => {
  server = await startEmbeddedPostgres({ dataDirectory: join(directory, 'pg'), durable: false });
});
afterAll(async () => {
  await Promise.all(planes.map((plane) => plane.close()));
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

const refused = (code: string): unknown => expect.objectContaining({ name: 'IdentityError', code });

describe('the first administrator', () => {
  it('is made by one of several processes that start at once', async () => {
    const database = await freshDatabase();
    const starting = await Promise.all([open(database), open(database), open(database)]);
    const results = await Promise.all(starting.map((plane) => ensureFirstAdministrator({ ...plane, masterKey })));
    expect(results.map((result) => result.outcome).sort()).toEqual(['created', 'present', 'present']);
    const [plane] = starting;
    expect((await plane.users.list({ limit: 10 })).items).toHaveLength(1);
    expect((await plane.keys.list({ limit: 10 })).items).toHaveLength(1);
  });

  it('takes the key pair of the settings, on this start and on every later one', async () => {
    const plane = await open(await freshDatabase());
    const ensure = (accessKey: string, secretKey: string) =>
      ensureFirstAdministrator({ ...plane, masterKey, rootKey: { accessKey, secretKey } });
    expect(await ensure('admin', 'first-secret')).toEqual({ outcome: 'created', accessKeyId: 'admin' });
    expect(await ensure('admin', 'first-secret')).toEqual({ outcome: 'present' });
    expect(await ensure('admin', 'second-secret')).toEqual({ outcome: 'updated' });
    expect(await ensure('other', 'third-secret')).toEqual({ outcome: 'updated' });
    plane.configuration.invalidate();
    const snapshot = await plane.configuration.current();
    const authenticator = new Authenticator(masterKey);
    expect(authenticator.authenticateBasic(snapshot, 'admin', 'second-secret').role).toBe('admin');
    expect(authenticator.authenticateBasic(snapshot, 'other', 'third-secret').role).toBe('admin');
    expect(() => authenticator.authenticateBasic(snapshot, 'admin', 'first-secret')).toThrow('not right');
    await expect(ensure('with:colon', 'first-secret')).rejects.toEqual(refused('invalid'));
    await expect(ensure('admin', 'short')).rejects.toEqual(refused('invalid'));
  });
});

describe('users and keys', () => {
  let plane: ControlPlane;
  let service: UserService;
  let authenticator: Authenticator;
  let rootId: string;
  let rootKey: string;

  beforeEach(async () => {
    plane = await open(await freshDatabase());
    service = new UserService({ ...plane, masterKey });
    authenticator = new Authenticator(masterKey, 2);
    const first = await ensureFirstAdministrator({ ...plane, masterKey });
    if (first.outcome !== 'created') throw new Error('expected a new administrator');
    rootKey = first.accessKeyId;
    rootId = (await plane.keys.get(rootKey)).userId;
  });

  const authenticate = async (accessKeyId: string, secret: string) => {
    plane.configuration.invalidate();
    return authenticator.authenticateBasic(await plane.configuration.current(), accessKeyId, secret);
  };

  it('opens with the right pair alone, and keeps no clear secret at rest', async () => {
    const user = await service.createUser('ada', 'user');
    const { key, secret } = await service.createKey(user.id);
    expect(key.accessKeyId).toMatch(/^[A-Z0-9]{20}$/);
    expect(secret.reveal()).toHaveLength(40);
    const principal = await authenticate(key.accessKeyId, secret.reveal());
    expect(principal).toEqual({ userId: user.id, name: 'ada', role: 'user' });
    expect(isAdmin(principal)).toBe(false);
    expect(ownsBucket(principal, { ownerId: user.id })).toBe(true);
    expect(ownsBucket(principal, { ownerId: rootId })).toBe(false);
    await expect(authenticate(key.accessKeyId, `${secret.reveal()}x`)).rejects.toEqual(refused('denied'));
    await expect(authenticate('NOSUCHKEY', secret.reveal())).rejects.toEqual(refused('denied'));
    expect(JSON.stringify(await plane.keys.get(key.accessKeyId))).not.toContain(secret.reveal());
    expect(JSON.stringify(await service.listKeys({ limit: 10 }))).not.toContain('secret');
  });

  it('refuses disabled keys and disabled users, and an old secret after rotation', async () => {
    const user = await service.createUser('ada', 'user');
    const { key, secret } = await service.createKey(user.id);
    const pair = [key.accessKeyId, secret.reveal()] as const;
    await service.setKeyDisabled(key.accessKeyId, true);
    await expect(authenticate(...pair)).rejects.toEqual(refused('denied'));
    await service.setKeyDisabled(key.accessKeyId, false);
    await service.disableUser(user.id);
    await expect(authenticate(...pair)).rejects.toEqual(refused('denied'));
    await service.enableUser(user.id);
    await expect(authenticate(...pair)).resolves.toMatchObject({ name: 'ada' });
    const rotated = await service.rotateKey(key.accessKeyId);
    await expect(authenticate(...pair)).rejects.toEqual(refused('denied'));
    await expect(authenticate(key.accessKeyId, rotated.secret.reveal())).resolves.toMatchObject({ name: 'ada' });
    await service.deleteKey(key.accessKeyId);
    await expect(authenticate(key.accessKeyId, rotated.secret.reveal())).rejects.toEqual(refused('denied'));
  });

  it('keeps a bounded number of digests', async () => {
    const user = await service.createUser('ada', 'user');
    for (let made = 0; made < 4; made += 1) {
      const { key, secret } = await service.createKey(user.id);
      await authenticate(key.accessKeyId, secret.reveal());
    }
    expect(authenticator.size).toBe(2);
  });

  it('never loses the last administrator, not even when two administrators remove each other', async () => {
    await expect(service.disableUser(rootId)).rejects.toEqual(refused('last-administrator'));
    await expect(service.deleteUser(rootId)).rejects.toEqual(refused('last-administrator'));
    await expect(service.changeRole(rootId, 'user')).rejects.toEqual(refused('last-administrator'));
    await expect(service.setKeyDisabled(rootKey, true)).rejects.toEqual(refused('last-administrator'));
    await expect(service.deleteKey(rootKey)).rejects.toEqual(refused('last-administrator'));
    const second = await service.createUser('second', 'admin');
    await expect(service.deleteUser(rootId)).rejects.toEqual(refused('last-administrator'));
    await service.createKey(second.id);
    const results = await Promise.allSettled([service.disableUser(rootId), service.deleteUser(second.id)]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('says what is wrong', async () => {
    await service.createUser('ada', 'user');
    await expect(service.createUser('ada', 'user')).rejects.toEqual(refused('exists'));
    await expect(service.createUser(' ada', 'user')).rejects.toEqual(refused('invalid'));
    await expect(service.getUser('nobody')).rejects.toEqual(refused('not-found'));
    await expect(service.createKey('nobody')).rejects.toEqual(refused('not-found'));
    await expect(service.rotateKey('nothing')).rejects.toEqual(refused('not-found'));
  });
});
