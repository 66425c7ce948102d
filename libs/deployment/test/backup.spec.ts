import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import pg from 'pg';
import { backUp, restore, type Restored } from '#libs/backup';
import { openLmdbArchive, type IndexArchive } from '#libs/metadata';
import { createBucket, recordAtOnce, type OperationContext } from '#libs/objects';
import { parsePostgresUrl } from '#libs/postgres-server';
import type { Settings } from '#libs/settings';
import { masterKeysAtHand, runJob, type OpenDeployment } from '../src/index.js';
import { systemClock } from '../src/runtime/system-clock.js';
import { keepHouse, recover } from './keeping-house.js';
import { Client } from './objects.js';
import { administrator, MovableClock, Stand } from './stand.js';

const stand = new Stand();
const clock = new MovableClock(
  systemClock((error) => {
    throw error;
  }),
);
beforeAll(() => stand.start(), 60_000);
afterAll(() => stand.dispose(), 60_000);

const openIndexOf =
  ({ dataDirectory }: Settings) =>
  (): Promise<IndexArchive> =>
    openLmdbArchive({ path: join(dataDirectory, 'index') });
const connectionOf = ({ postgresUrl }: Settings) => parsePostgresUrl(postgresUrl?.reveal() ?? '');

interface Made {
  readonly settings: Settings;
  readonly deployment: OpenDeployment;
  readonly context: OperationContext;
  readonly client: Client;
}

/** A deployment with a bucket on the backend `local`, in its own data directory. */
async function made(): Promise<Made> {
  const settings = await stand.settings();
  const deployment = await stand.open(settings, { clock });
  const context = await administrator(deployment);
  await createBucket(deployment.engine, context, { name: 'photos', backend: 'local' });
  return { settings, deployment, context, client: new Client(deployment, context, 'photos') };
}

async function backUpOf({ settings }: Made): Promise<string> {
  const to = join(stand.path('backup'), 'file');
  const keys = await masterKeysAtHand(settings);
  const openIndex = openIndexOf(settings);
  await backUp({ to, connection: connectionOf(settings), openIndex, keys, now: () => clock.now() });
  return to;
}

/** Settings of an empty deployment that has the other's master key. */
async function emptyFor({ settings }: Made): Promise<Settings> {
  const empty = await stand.settings();
  cpSync(settings.masterKeyFile, empty.masterKeyFile, { recursive: true });
  return empty;
}

async function restoreInto(settings: Settings, from: string, openIndex = openIndexOf(settings)): Promise<Restored> {
  const keys = await masterKeysAtHand(settings);
  return restore({ from, connection: connectionOf(settings), openIndex, keys });
}

describe('backing up and restoring all metadata', () => {
  it('brings back what was written after the backup, and what was written before, on the filesystem; nothing of it goes later', async () => {
    const old = await made();
    const { client, deployment } = old;
    for (const key of ['kept', 'replaced', 'removed', 'removed late']) await client.put(key, `${key} before`);
    const file = await backUpOf(old);
    await client.put('replaced', 'replaced after');
    await client.put('new', 'new after');
    await client.put('new and replaced', 'one');
    await client.put('new and replaced', 'two');
    await client.remove('removed');
    clock.move(deployment.settings.garbageGraceMs + 60_000);
    await keepHouse(deployment);
    // Its bytes are still there when the metadata is lost: this deletion is undone.
    await client.remove('removed late');
    await deployment.close();

    const settings = await emptyFor(old);
    expect(await restoreInto(settings, file)).toMatchObject({ recovering: 1, counts: { buckets: 1, keys: 4 } });
    const restored = await stand.open(settings, { clock });
    expect(restored.controlPlane.deploymentId).toBe(deployment.controlPlane.deploymentId);
    const context = await administrator(restored);
    expect(context.actor.userId).toBe(old.context.actor.userId);
    const found = new Client(restored, context, 'photos');
    await expect(found.get('kept')).rejects.toMatchObject({ code: 'bucket-recovering', retryAfterSeconds: 30 });
    expect(recordAtOnce(restored.engine, context, 'photos', 'kept')).toBeUndefined();
    await recover(restored);
    expect(recordAtOnce(restored.engine, context, 'photos', 'kept')).toBeDefined();
    const expected = new Map([...client.believed, ['removed late', 'removed late before']]);
    expect(await found.contents()).toEqual(new Map([...expected].sort()));
    await found.put('written here', 'too');
    for (let round = 0; round < 3; round += 1) {
      clock.move(restored.settings.garbageGraceMs + 60_000);
      await keepHouse(restored);
    }
    expect(await found.contents()).toEqual(new Map([...expected, ['written here', 'too'] as const].sort()));
  });

  it('finds the objects of a migration that ended after the backup where they went, and the bucket with them', async () => {
    const old = await made();
    const { client, deployment, context } = old;
    const path = stand.path('second');
    await deployment.backends.register('test', { name: 'second', type: 'filesystem', options: { path } });
    // It stays, and tells by its marker that `local` is the right place.
    await createBucket(deployment.engine, context, { name: 'stays', backend: 'local' });
    for (const key of ['kept', 'replaced', 'removed']) await client.put(key, `${key} before`);
    const file = await backUpOf(old);
    await client.put('new before the move', 'text');
    const { id } = await deployment.migrations.start(context, {
      bucket: 'photos',
      destination: { backend: 'second', container: 'photos-elsewhere' },
    });
    expect(await runJob(deployment, id, 'worker')).toBe('completed');
    await client.put('replaced', 'replaced after');
    await client.put('new', 'new after');
    await client.remove('removed');
    for (let round = 0; round < 3; round += 1) {
      clock.move(deployment.settings.garbageGraceMs + 60_000);
      await keepHouse(deployment);
    }
    await deployment.close();

    const settings = await emptyFor(old);
    await restoreInto(settings, file);
    const restored = await stand.open(settings, { clock });
    await recover(restored);
    const found = new Client(restored, await administrator(restored), 'photos');
    expect(await found.contents()).toEqual(new Map([...client.believed].sort()));
    expect(await found.places()).toEqual({ second: client.believed.size });
    await found.put('written here', 'too');
    for (let round = 0; round < 3; round += 1) {
      clock.move(restored.settings.garbageGraceMs + 60_000);
      await keepHouse(restored);
    }
    expect(await found.contents()).toEqual(new Map([...client.believed, ['written here', 'too'] as const].sort()));
  });

  it('holds no master key and no secret in the clear, and names the key that it needs', async () => {
    const old = await made();
    const file = await backUpOf(old);
    const text = gunzipSync(readFileSync(file)).toString();
    const key = readFileSync(old.settings.masterKeyFile, 'utf8').trim();
    const { ids } = await masterKeysAtHand(old.settings);
    expect(text).not.toContain(key);
    expect(JSON.parse(text.split('\n')[0] ?? '')).toMatchObject({ masterKeys: ids });
    const empty = await stand.settings();
    await expect(restoreInto(empty, file)).rejects.toMatchObject({
      kind: 'missing-key',
      message: expect.stringContaining(ids[0] ?? 'no id'),
    });
    expect(existsSync(join(empty.dataDirectory, 'index'))).toBe(false);
  });

  it('goes into a deployment that was never started, and into no other', async () => {
    const old = await made();
    const file = await backUpOf(old);
    const other = await made();
    await other.deployment.close();
    cpSync(old.settings.masterKeyFile, other.settings.masterKeyFile);
    await expect(restoreInto(other.settings, file)).rejects.toMatchObject({
      kind: 'not-empty',
      message: expect.stringContaining(other.deployment.controlPlane.deploymentId),
    });
  });

  it('writes nothing where the file is damaged', async () => {
    const old = await made();
    const file = await backUpOf(old);
    truncateSync(file, readFileSync(file).length - 5);
    const settings = await emptyFor(old);
    await expect(restoreInto(settings, file)).rejects.toMatchObject({ kind: 'damaged' });
    expect(existsSync(join(settings.dataDirectory, 'index'))).toBe(false);
  });

  it('writes nothing where somebody has changed the file, and to no table but its own where that cannot be known', async () => {
    const old = await made();
    const file = await backUpOf(old);
    const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
    const { end } = JSON.parse(lines.pop() ?? '') as { end: { rows: Record<string, number> } };
    const rows = [JSON.stringify({ id: 999, timestamp: 1, name: 'Forged' })];
    lines.splice(1, 0, JSON.stringify({ table: 'schema_migration', rows }));
    const write = (): void => {
      const text = lines.map((line) => `${line}\n`).join('');
      const sha256 = createHash('sha256').update(text).digest('hex');
      const forged = { end: { ...end, rows: { ...end.rows, schema_migration: 1 }, sha256 } };
      writeFileSync(file, gzipSync(`${text}${JSON.stringify(forged)}\n`));
    };
    write();
    const settings = await emptyFor(old);
    await expect(restoreInto(settings, file)).rejects.toMatchObject({ kind: 'forged' });
    lines[0] = (lines[0] ?? '').replace(/,"signature":"[^"]*"/, '').replace('"version":2', '"version":1');
    write();
    await expect(restoreInto(settings, file)).rejects.toMatchObject({ kind: 'unsigned' });
    expect(existsSync(join(settings.dataDirectory, 'index'))).toBe(false);
    const work = { from: file, connection: connectionOf(settings), openIndex: openIndexOf(settings), unsigned: true };
    await expect(restore({ ...work, keys: await masterKeysAtHand(settings) })).rejects.toMatchObject({
      kind: 'invalid',
    });
  });

  it('is taken without a signature where that was said, and says who has signed it where somebody has', async () => {
    const old = await made();
    await old.client.put('kept', 'text');
    const file = await backUpOf(old);
    await old.deployment.close();
    const { ids } = await masterKeysAtHand(old.settings);
    expect((await restoreInto(await emptyFor(old), file)).signedBy).toBe(ids[0]);
    const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
    lines[0] = (lines[0] ?? '').replace(/,"signature":"[^"]*"/, '').replace('"version":2', '"version":1');
    const last = lines.pop() ?? '';
    const text = lines.map((line) => `${line}\n`).join('');
    const sha256 = createHash('sha256').update(text).digest('hex');
    const end = last.replace(/,"hmac":"\w*"/, '').replace(/"sha256":"\w*"/, `"sha256":"${sha256}"`);
    writeFileSync(file, gzipSync(`${text}${end}\n`));
    const settings = await emptyFor(old);
    const work = { from: file, connection: connectionOf(settings), openIndex: openIndexOf(settings), unsigned: true };
    const restored = await restore({ ...work, keys: await masterKeysAtHand(settings) });
    expect(restored).toMatchObject({ recovering: 1, counts: { keys: 1 } });
    expect(restored.signedBy).toBeUndefined();
    const deployment = await stand.open(settings, { clock });
    await recover(deployment);
    const found = new Client(deployment, await administrator(deployment), 'photos');
    expect(await found.contents()).toEqual(old.client.believed);
  });

  it('is restored by what was looked through alone: a file that is exchanged meanwhile restores nothing', async () => {
    const old = await made();
    const first = await backUpOf(old);
    await old.client.put('since', 'text');
    const second = await backUpOf(old);
    const settings = await emptyFor(old);
    const exchanged = async (): Promise<IndexArchive> => {
      cpSync(second, first);
      return openIndexOf(settings)();
    };
    await expect(restoreInto(settings, first, exchanged)).rejects.toMatchObject({ kind: 'forged' });
    await expect(stand.open(settings)).rejects.toThrow(/a restore was begun and did not end/);
  });

  it('is run again after it was killed anywhere; until then nothing can be started on what is there', async () => {
    const old = await made();
    for (let i = 0; i < 20; i += 1) await old.client.put(`key ${String(i)}`, `text ${String(i)}`);
    const file = await backUpOf(old);
    await old.deployment.close();
    const settings = await emptyFor(old);
    for (const step of ['begin', 'putBuckets', 'putKeys', 'finish'] as const) {
      const dying = async (): Promise<IndexArchive> => {
        const index = await openIndexOf(settings)();
        const die = (): Promise<never> => Promise.reject(new Error(`killed at ${step}`));
        return new Proxy(index, {
          get: (target, name: keyof IndexArchive) => {
            if (name === step) return die;
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        });
      };
      await expect(restoreInto(settings, file, dying)).rejects.toThrow(`killed at ${step}`);
      if (step !== 'begin') await expect(stand.open(settings)).rejects.toThrow(/a restore was begun and did not end/);
    }
    await restoreInto(settings, file);
    const restored = await stand.open(settings, { clock });
    await recover(restored);
    const found = new Client(restored, await administrator(restored), 'photos');
    expect(await found.contents()).toEqual(new Map([...old.client.believed].sort()));
  });
});

describe('where the object index lies', () => {
  it('is noted, and another place is refused once there are buckets, saying what to do', async () => {
    const { settings, deployment } = await made();
    expect(await deployment.controlPlane.indexKind()).toBe('lmdb');
    await deployment.controlPlane.setIndexKind('mongodb');
    await deployment.close();
    await expect(stand.open(settings)).rejects.toMatchObject({
      code: 'invalid-setting',
      message: expect.stringMatching(/lies in the MongoDB .*set SPUMONI_MONGODB_URL as it was.*npm run backup/),
    });
  });

  it('is found out of the index itself for a deployment of a version that kept no note', async () => {
    const { settings, deployment } = await made();
    await deployment.close();
    const forget = async (): Promise<void> => {
      const client = new pg.Client(connectionOf(settings));
      await client.connect();
      await client.query('UPDATE deployment SET index_kind = NULL');
      await client.end();
    };
    await forget();
    const elsewhere = { ...settings, dataDirectory: stand.path('elsewhere') };
    await expect(stand.open(elsewhere)).rejects.toThrow(/bucket photos is not in this index/);
    const again = await stand.open(settings);
    expect(await again.controlPlane.indexKind()).toBe('lmdb');
  });

  it('may still be chosen while there is no bucket', async () => {
    const settings = await stand.settings();
    const first = await stand.open(settings);
    await first.controlPlane.setIndexKind('mongodb');
    await first.close();
    const second = await stand.open(settings);
    expect(await second.controlPlane.indexKind()).toBe('lmdb');
  });
});
