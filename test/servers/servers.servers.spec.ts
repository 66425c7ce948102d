import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pingMongo } from './ferretdb.js';
import { findServer, gaps, skippedFor, start, type RunningServer, type ServerName } from './index.js';

const IMPATIENT_MS = 300;
const PATIENT_MS = 60_000;

/** Asks for a page and resolves with true when the status is the one that means health. */
const page =
  (path: string, status: number) =>
  async (endpoint: string, signal?: AbortSignal): Promise<boolean> => {
    const answer = await fetch(endpoint + path, signal ? { signal } : {});
    await answer.arrayBuffer();
    return answer.status === status;
  };
/** How each server is asked whether it is well; fails where nothing answers, or not until the signal. */
const HEALTH: Record<ServerName, (endpoint: string, signal?: AbortSignal) => Promise<boolean>> = {
  minio: page('/minio/health/live', 200),
  moto: page('/moto-api/data.json', 200),
  azurite: page('?comp=list', 403),
  'fake-gcs-server': page('/_internal/healthcheck', 200),
  ferretdb: (endpoint, signal) => pingMongo(endpoint, signal ? IMPATIENT_MS : PATIENT_MS),
};
const names = Object.keys(HEALTH) as ServerName[];

/** True while a process of this id is there, one that has ended but is not yet reaped included. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw cause;
  }
}

for (const name of names) {
  const missing = findServer(name) ? '' : ` [skipped: ${name} is not installed]`;
  const check = missing ? it.skip : it;
  describe(`the launcher of ${name}`, () => {
    let server: RunningServer<unknown>;
    const ask = (signal?: AbortSignal) => HEALTH[name](server.endpoint, signal);
    beforeAll(async () => {
      if (!missing) server = await start(name);
    });
    afterAll(async () => {
      if (!missing) await server.stop();
    });

    check(`starts it ready, on 127.0.0.1${missing}`, async () => {
      expect(new URL(server.endpoint).hostname).toBe('127.0.0.1');
      expect(await ask()).toBe(true);
    });

    check(`makes it hang and go on${missing}`, async () => {
      server.pause();
      await expect(ask(AbortSignal.timeout(IMPATIENT_MS))).rejects.toThrow(/aborted|time(d )?out/i);
      const late = ask();
      server.resume();
      expect(await late).toBe(true);
    });

    check(`kills it, and brings it up again on the same port${missing}`, async () => {
      const { endpoint, pid } = server;
      await server.kill();
      expect(isThere(pid)).toBe(false);
      await expect(ask()).rejects.toThrow();
      await server.restart();
      expect(server.endpoint).toBe(endpoint);
      expect(server.pid).not.toBe(pid);
      expect(await ask()).toBe(true);
    });

    check(`stops it even while it hangs, leaving no process, twice without harm${missing}`, async () => {
      const { pid } = server;
      server.pause();
      await server.stop();
      await server.stop();
      expect(isThere(pid)).toBe(false);
      await expect(ask()).rejects.toThrow();
    });
  });
}

describe('MinIO as launched', () => {
  const missing = findServer('minio') ? '' : ' [skipped: minio is not installed]';
  (missing ? it.skip : it)(`takes its root keys, no others, and keeps its objects over a kill${missing}`, async () => {
    const server = await start('minio');
    const client = (accessKeyId: string) =>
      new S3Client({
        endpoint: server.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey: server.credentials.secretKey },
      });
    const s3 = client(server.credentials.accessKey);
    try {
      await s3.send(new CreateBucketCommand({ Bucket: 'kept' }));
      await s3.send(new PutObjectCommand({ Bucket: 'kept', Key: 'a', Body: 'bytes' }));
      await server.kill();
      await server.restart();
      const answer = await s3.send(new GetObjectCommand({ Bucket: 'kept', Key: 'a' }));
      expect(await answer.Body?.transformToString()).toBe('bytes');
      await expect(client('stranger').send(new ListBucketsCommand({}))).rejects.toThrow(/Access Key/);
    } finally {
      s3.destroy();
      await server.stop();
    }
  });
});

describe('the gaps of the servers', () => {
  it('have ids that are unique and can be named by a skip', () => {
    expect(new Set(gaps.map(({ id }) => id)).size).toBe(gaps.length);
    expect(skippedFor('azurite/versions')).toBe(' [skipped: azurite no blob versions]');
    expect(() => skippedFor('azurite/none')).toThrow('is not a gap');
  });
});
