import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { backUp, restore } from '#libs/backup';
import { openLmdbArchive, openMongodbArchive, type IndexArchive } from '#libs/metadata';
import { createBucket } from '#libs/objects';
import { parsePostgresUrl } from '#libs/postgres-server';
import type { Settings } from '#libs/settings';
import {
  findServer,
  startFerretDb,
  startMinio,
  type AccessKeys,
  type RunningServer,
} from '../../../test/servers/index.js';
import { masterKeysAtHand, runJob, type OpenDeployment } from '../src/index.js';
import { systemClock } from '../src/runtime/system-clock.js';
import { keepHouse, recover } from './keeping-house.js';
import { Client } from './objects.js';
import { administrator, MovableClock, Stand } from './stand.js';

const missing = (['minio', 'ferretdb'] as const).filter((name) => !findServer(name));
const absent = missing.length === 0 ? '' : ` [skipped: ${missing.join(' and ')} is not installed]`;
const BUCKETS = ['on-minio', 'on-disk'] as const;

/** Each test goes on where the one before it stopped: one deployment that loses its metadata again and again, and changes its stores meanwhile. */
(absent === '' ? describe : describe.skip)(`carrying a deployment from LMDB to MongoDB and back${absent}`, () => {
  const stand = new Stand();
  const clock = new MovableClock(
    systemClock((error) => {
      throw error;
    }),
  );
  let minio: RunningServer<AccessKeys>;
  let ferret: Awaited<ReturnType<typeof startFerretDb>>;
  let masterKey: string;
  let settings: Settings;
  let deployment: OpenDeployment;
  const believed = new Map<string, ReadonlyMap<string, string>>();

  const connection = (of: Settings) => parsePostgresUrl(of.postgresUrl?.reveal() ?? '');
  const openIndex =
    ({ mongodbUrl, dataDirectory }: Settings) =>
    (id: string): Promise<IndexArchive> =>
      mongodbUrl === undefined
        ? openLmdbArchive({ path: join(dataDirectory, 'index') })
        : openMongodbArchive({ url: mongodbUrl.reveal(), deployment: id });

  const clients = async (): Promise<Client[]> => {
    const context = await administrator(deployment);
    return BUCKETS.map((name) => {
      const client = new Client(deployment, context, name);
      for (const [key, text] of believed.get(name) ?? []) client.believed.set(key, text);
      return client;
    });
  };

  const change = async (round: string): Promise<void> => {
    for (const [at, client] of (await clients()).entries()) {
      for (const key of ['changed', `new in ${round}`]) await client.put(key, `${key} in ${round}`);
      if (client.believed.has('removed')) await client.remove('removed');
      else await client.put('removed', `by ${round}`);
      believed.set(BUCKETS[at] ?? '', new Map(client.believed));
    }
    for (let sweep = 0; sweep < 2; sweep += 1) {
      clock.move(deployment.settings.garbageGraceMs + 60_000);
      await keepHouse(deployment);
    }
  };

  const expectAll = async (): Promise<void> => {
    for (const client of await clients()) expect(await client.contents()).toEqual(new Map([...client.believed].sort()));
  };

  /** Backs up, goes on, loses all metadata, restores into other stores, and looks. */
  const carryOver = async (round: string, to: Settings): Promise<void> => {
    const file = join(stand.path('backup'), 'file');
    await backUp({
      to: file,
      connection: connection(settings),
      openIndex: openIndex(settings),
      keys: await masterKeysAtHand(settings),
      now: () => clock.now(),
    });
    await change(round);
    await deployment.close();
    cpSync(masterKey, to.masterKeyFile, { recursive: true });
    const keys = await masterKeysAtHand(to);
    const restored = await restore({ from: file, connection: connection(to), openIndex: openIndex(to), keys });
    expect(restored.recovering).toBe(2);
    settings = to;
    deployment = await stand.open(to, { clock });
    await recover(deployment);
    await expectAll();
    await change(`after ${round}`);
    await expectAll();
  };

  beforeAll(async () => {
    [minio, ferret] = await Promise.all([startMinio(), startFerretDb(), stand.start()]);
    settings = await stand.settings();
    masterKey = settings.masterKeyFile;
    deployment = await stand.open(settings, { clock });
    const context = await administrator(deployment);
    await deployment.backends.register('test', {
      name: 'cloud',
      type: 's3',
      profile: 'minio',
      endpoint: minio.endpoint,
      region: 'us-east-1',
      credentials: minio.credentials,
      options: { insecure: true },
    });
    await createBucket(deployment.engine, context, { name: 'on-minio', backend: 'cloud' });
    await createBucket(deployment.engine, context, { name: 'on-disk', backend: 'local' });
    await change('the beginning');
  }, 120_000);
  afterAll(async () => {
    await stand.dispose();
    await Promise.all([minio.stop(), ferret.stop()]);
  }, 60_000);

  it('goes from LMDB to MongoDB', async () => {
    const url = `${ferret.endpoint.replace(/\/?(\?.*)?$/, '')}/carried`;
    await carryOver('one', await stand.settings({ SPUMONI_MONGODB_URL: url }));
    expect(await deployment.controlPlane.indexKind()).toBe('mongodb');
  }, 60_000);

  it('refuses MongoDB’s deployment without MongoDB, and makes no backup of it', async () => {
    const without = { ...settings, mongodbUrl: undefined };
    await expect(stand.open(without)).rejects.toMatchObject({ code: 'invalid-setting' });
    const to = join(stand.path('backup'), 'file');
    const keys = await masterKeysAtHand(settings);
    const work = { to, connection: connection(settings), openIndex: openIndex(without), keys, now: () => clock.now() };
    await expect(backUp(work)).rejects.toMatchObject({ kind: 'wrong-index' });
  });

  it('goes back to LMDB', async () => {
    await carryOver('two', await stand.settings());
    expect(await deployment.controlPlane.indexKind()).toBe('lmdb');
  }, 60_000);

  it('finds what was migrated between the disk and MinIO after the backup, and later written and deleted there', async () => {
    const file = join(stand.path('backup'), 'file');
    const source = { connection: connection(settings), openIndex: openIndex(settings), now: () => clock.now() };
    await backUp({ to: file, ...source, keys: await masterKeysAtHand(settings) });
    const context = await administrator(deployment);
    const ways = { 'on-minio': 'local', 'on-disk': 'cloud' } as const;
    for (const [bucket, backend] of Object.entries(ways)) {
      const { id } = await deployment.migrations.start(context, { bucket, destination: { backend } });
      expect(await runJob(deployment, id, 'worker')).toBe('completed');
    }
    await change('the migration');
    await deployment.close();
    const to = await stand.settings();
    cpSync(masterKey, to.masterKeyFile, { recursive: true });
    const keys = await masterKeysAtHand(to);
    await restore({ from: file, connection: connection(to), openIndex: openIndex(to), keys });
    settings = to;
    deployment = await stand.open(to, { clock });
    await recover(deployment);
    await expectAll();
    const [one, other] = await clients();
    expect([await one?.places(), await other?.places()]).toEqual([
      { local: one?.believed.size },
      { cloud: other?.believed.size },
    ]);
    await change('after the migration');
    await expectAll();
  }, 120_000);
});
