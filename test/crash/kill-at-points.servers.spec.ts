import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { openBackend, type BackendDefinition } from '#libs/backends';
import { findServer, startAzurite, startFakeGcs, startMinio } from '../servers/index.js';
import { backendId, register } from './administration.js';
import { CrashingSpumoni } from './crashing-spumoni.js';
import { leftovers, lmdbIn, type Site } from './leftovers.js';
import { INTENT_POINTS, Strikes, SWEEP_POINTS } from './strikes.js';

const MINUTE = 60_000;
/** Emulators on a busy machine are slower than a disk; a living writer must not be taken for dead. */
const PATIENT = {
  SPUMONI_HEARTBEAT_SECONDS: '0.5',
  SPUMONI_DEAD_AFTER_SECONDS: '2',
  SPUMONI_BACKEND_DEADLINE_SECONDS: '5',
};

/** A backend's registration, without credentials, and its credentials as plain text. */
interface Registration {
  readonly type: BackendDefinition['type'];
  readonly profile?: 'minio';
  readonly region?: string;
  readonly endpoint: string;
  readonly credentials: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string | boolean>>;
}

interface Started {
  readonly registration: Registration;
  stop(): Promise<void>;
}

async function minio(): Promise<Started> {
  const { endpoint, credentials, stop } = await startMinio();
  const options = { insecure: true };
  return {
    registration: {
      type: 's3',
      profile: 'minio',
      region: 'us-east-1',
      endpoint,
      credentials: { ...credentials },
      options,
    },
    stop,
  };
}

async function azurite(): Promise<Started> {
  const { endpoint, credentials, stop } = await startAzurite();
  return {
    registration: { type: 'azure', endpoint, credentials: { ...credentials }, options: { insecure: true } },
    stop,
  };
}

async function fakeGcs(): Promise<Started> {
  const { endpoint, credentials, stop } = await startFakeGcs();
  const options = { insecure: true, projectId: credentials.projectId };
  return { registration: { type: 'gcs', endpoint, credentials: {}, options }, stop };
}

/** Ways to the local backend and back again, each with the point at which the worker dies on it. */
const SERVERS = [
  ['minio', minio, ['container-marked', 'intent-recorded']],
  ['azurite', azurite, ['bytes-sent', 'before-commit']],
  ['fake-gcs-server', fakeGcs, ['committed', 'bytes-sent']],
] as const;

const SECRETS = ['secretKey', 'accountKey'];

/** The same backend as the product opens it, opened by the test. */
function open(name: string, { credentials, ...registration }: Registration): ReturnType<typeof openBackend> {
  const pairs = Object.entries(credentials).map(([field, value]): [string, unknown] => [
    field,
    SECRETS.includes(field) ? { reveal: () => value } : value,
  ]);
  return openBackend({ name, ...registration, credentials: Object.fromEntries(pairs) });
}

/** As on filesystems, where every write begins with an intent and the bytes are a server's. */
describe.each(SERVERS)('the product killed at each point of its work: %s', (name, start, ways) => {
  const itRuns = findServer(name) ? it : it.skip;
  const reason = findServer(name) ? '' : ` [skipped: ${name} is not installed]`;
  let server: Started;
  let crashing: CrashingSpumoni;
  let strikes: Strikes;
  let sites: Site[];

  beforeAll(async () => {
    if (!findServer(name)) return;
    server = await start();
    crashing = await CrashingSpumoni.start(PATIENT);
    const client = crashing.spumoni.client();
    const id = await register(client, { name: 'server', ...server.registration });
    const path = join(crashing.spumoni.dataDirectory, 'objects');
    const local = await openBackend({ name: 'local', type: 'filesystem', credentials: {}, options: { path } });
    sites = [
      { id, backend: await open('server', server.registration) },
      { id: await backendId(client, 'local'), backend: local },
    ];
    strikes = await Strikes.begin(crashing, { type: server.registration.type, backend: 'server' });
  }, 3 * MINUTE);
  afterAll(async () => {
    if (!findServer(name)) return;
    await Promise.all(sites.map(({ backend }) => backend.close()));
    await crashing.spumoni.stop();
    await server.stop();
  }, MINUTE);

  // In this order the worker that repairs buckets lives through the last dozen kills: it takes time to be sure that somebody is dead.
  itRuns(`migrates to a filesystem and back${reason}`, () => strikes.migrations('local', ways), 4 * MINUTE);
  itRuns(`deletes garbage${reason}`, () => strikes.garbage(), 4 * MINUTE);
  itRuns.each(SWEEP_POINTS)(`cleans up after the dead: %s${reason}`, (point) => strikes.sweepAt(point), 4 * MINUTE);
  itRuns(`creates buckets${reason}`, () => strikes.bucketCreations(), 4 * MINUTE);
  itRuns(`deletes buckets${reason}`, () => strikes.bucketDeletions(), 4 * MINUTE);
  itRuns(`deletes objects${reason}`, () => strikes.removal(), 4 * MINUTE);
  itRuns.each(INTENT_POINTS)(
    `puts, overwrites, copies and changes objects: %s${reason}`,
    (point) => strikes.writesAt(point),
    4 * MINUTE,
  );
  itRuns(
    `and keeps every acknowledged object, and leaves nothing that nobody names${reason}`,
    async () => {
      await strikes.settled(sites);
      await crashing.spumoni.interrupt();
      expect(await leftovers(lmdbIn(crashing.spumoni.dataDirectory), sites)).toEqual([]);
    },
    4 * MINUTE,
  );
});
