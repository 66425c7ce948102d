import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLmdbIndex, INDEX_FORMAT, openLmdbArchive, type BucketId, type WriteId } from '#libs/metadata';
import { ControlPlaneArchive, findDeployment, type PostgresConnection } from '../src/control-plane/index.js';
import { createDataSource, migrate } from '../src/control-plane/data-source.js';
import { MIGRATIONS } from '../src/control-plane/migrations/index.js';
import { openRoot, openTables } from '../src/object-index/lmdb/environment.js';
import { TestPostgres } from './control-plane-server.js';

const NAMES = MIGRATIONS.map((Migration) => new Migration().name);
const USER = '00000000-0000-4000-8000-000000000001';
const BACKEND = '00000000-0000-4000-8000-000000000002';
const BUCKET = '00000000-0000-4000-8000-000000000003';
const JOB = '00000000-0000-4000-8000-000000000004';

/** What a deployment of the first version wrote, in its own columns. */
const FIRST_ROWS = [
  `INSERT INTO "user" VALUES ('${USER}', 'ana', 'admin', false, '2025-01-02T03:04:05.678Z')`,
  `INSERT INTO access_key VALUES ('AKANA', '${USER}', 'v1.k1.a.b.c', false, '2025-01-02T03:04:05.678Z', NULL, 1)`,
  `INSERT INTO backend (id, name, type, options, credentials, capabilities, state, created_at, revision)
   VALUES ('${BACKEND}', 'local', 'filesystem', '{"path": "/x"}', 'v1.k1.a.b.c', '{}', 'ok', now(), 1)`,
  `INSERT INTO tier_policy VALUES ('Gold', 'best', '{"aws": "STANDARD"}', '{}', '{local}', now(), 1)`,
  `INSERT INTO bucket VALUES ('${BUCKET}', 'photos', 'active', '${USER}', 'filesystem', '${BACKEND}', 'Gold', now())`,
  `INSERT INTO lifecycle VALUES ('${BUCKET}', '[]', now(), NULL)`,
  `INSERT INTO job (id, type, state, wish, bucket_id, payload, progress, failures, fence, created_at, updated_at)
   VALUES ('${JOB}', 'migration', 'running', 'run', '${BUCKET}', '{}', '{"objects":{"total":9007199254740993}}', '[]', 3, now(), now())`,
];

const postgres = new TestPostgres();
beforeAll(() => postgres.start(), 60_000);
afterAll(() => postgres.dispose());

/** A database as the migrations up to that one have left it. */
async function databaseOf(count: number): Promise<PostgresConnection> {
  const connection = await postgres.freshDatabase();
  const migrations = MIGRATIONS.slice(0, count);
  const source = createDataSource({ connection, poolSize: 2, onTrouble: () => undefined, migrations });
  await source.initialize();
  await migrate(source);
  await source.destroy();
  for (const statement of FIRST_ROWS) await postgres.query(statement, connection);
  return connection;
}

describe('starting on a control plane of an earlier version', () => {
  it.each(NAMES.map((name, at) => [name, at + 1] as const))('brings all along from %s', async (_name, count) => {
    const connection = await databaseOf(count);
    const plane = await postgres.open({ connection });
    const { rows } = await postgres.query('SELECT name FROM schema_migration ORDER BY id', connection);
    expect(rows.map(({ name }) => name as unknown)).toEqual(NAMES);
    const { users, keys, backends, tiers } = await plane.configuration.current();
    expect(users).toMatchObject([{ id: USER, name: 'ana', createdAt: Date.parse('2025-01-02T03:04:05.678Z') }]);
    expect(keys).toMatchObject([{ accessKeyId: 'AKANA', secret: 'v1.k1.a.b.c' }]);
    expect(backends).toMatchObject([{ id: BACKEND, name: 'local', options: { path: '/x' } }]);
    expect(tiers).toMatchObject([{ name: 'Gold', backends: ['local'] }]);
    expect(await plane.buckets.get('photos')).toMatchObject({ id: BUCKET, policy: 'Gold', state: 'active' });
    expect(await plane.jobs.get(JOB)).toMatchObject({ state: 'running', bucketId: BUCKET, failedAttempts: 0 });
    expect(await plane.limits.find({ bucketId: BUCKET as BucketId })).toBeUndefined();
    expect(await plane.indexKind()).toBeUndefined();
    await plane.close();
  });
});

describe('a copy of the control plane', () => {
  it.each([1, NAMES.length])(
    'of version %i goes into an empty database as it was, and is migrated by the next start',
    async (count) => {
      const from = await ControlPlaneArchive.read(await databaseOf(count));
      const facts = await from.facts();
      expect(facts).toMatchObject({ migrations: NAMES.slice(0, count), masterKeys: count === 1 ? ['k1'] : [] });
      const connection = await postgres.freshDatabase();
      const into = await ControlPlaneArchive.write(connection, facts.migrations);
      for await (const page of from.rows()) await into.put(page);
      expect(await findDeployment(connection)).toBeUndefined();
      await into.commit({ buckets: new Set([BUCKET]), indexKind: 'lmdb' });
      await Promise.all([from.close(), into.close()]);
      const plane = await postgres.open({ connection });
      expect(plane.deploymentId).toBe(facts.deployment);
      expect(await plane.buckets.get('photos')).toMatchObject({ id: BUCKET });
      expect(await plane.jobs.get(JOB)).toMatchObject({ state: 'paused', bucketId: BUCKET });
      const { rows } = await postgres.query('SELECT progress::text AS text FROM job', connection);
      expect(rows).toMatchObject([{ text: expect.stringContaining('9007199254740993') }]);
      // Numbers that the database counts go on behind those that were brought.
      const next = await plane.jobs.create({ type: 'reconcile', bucketId: BUCKET, payload: {} });
      expect((await plane.jobs.list({ limit: 10 })).items.map(({ id }) => id)).toEqual([next.id, JOB]);
      await plane.close();
    },
  );

  it('of a newer version is neither read nor written', async () => {
    const connection = await databaseOf(NAMES.length);
    const newer = `INSERT INTO schema_migration (timestamp, name) VALUES (1999999999999, 'Future0099_1999999999999')`;
    await postgres.query(newer, connection);
    const incompatible = { kind: 'incompatible', message: expect.stringMatching(/newer Spumoni.*Future0099/) };
    await expect(ControlPlaneArchive.read(connection)).rejects.toMatchObject(incompatible);
    const empty = await postgres.freshDatabase();
    await expect(ControlPlaneArchive.write(empty, [...NAMES, 'Future0099_1999999999999'])).rejects.toMatchObject(
      incompatible,
    );
    expect(await findDeployment(empty)).toBeUndefined();
  });
});

describe('opening an index of format 1', () => {
  it('reads all that it holds, and makes it one of this format, which the program of format 1 would refuse', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'spumoni-index-')), 'index');
    const root = openRoot(path);
    const { keys, buckets, names, meta } = openTables(root);
    const placement = ['m', 'photos', 'a', 'STANDARD', 't1', 'w1' as WriteId] as [
      string,
      string,
      string,
      string,
      string,
      WriteId,
    ];
    // As the first version wrote them: without what came later at their ends.
    await root.transaction(() => {
      keys.putSync(
        `${BUCKET}\0a`,
        [1, [5, 'etag', 7, placement, null, null, null, null, null, false], [], [], null],
        1,
      );
      buckets.putSync(BUCKET, ['photos', 'active', USER, 9, 'filesystem', 'm', null, [['m', 'photos', 't0', 0]]], 2);
      names.putSync('photos', BUCKET as BucketId);
      meta.putSync('version', 2);
      meta.putSync('format', 1);
    });
    await root.close();
    const index = await createLmdbIndex({ path });
    const bucket = await index.findBucket('photos');
    expect(bucket?.value).toMatchObject({ id: BUCKET, state: 'active', containers: [{ container: 'photos' }] });
    expect(bucket?.value).not.toHaveProperty('recovering');
    const found = await index.getKey({ bucket: BUCKET as BucketId, key: 'a' });
    expect(found?.value.current).toMatchObject({ size: 5, etag: 'etag', placement: { token: 't1' } });
    await index.close();
    const again = openRoot(path);
    expect(openTables(again).meta.get('format')).toBe(INDEX_FORMAT);
    await again.close();
    const archive = await openLmdbArchive({ path });
    expect(await archive.state()).toBe('used');
    await archive.close();
    rmSync(join(path, '..'), { recursive: true, force: true });
  });
});
