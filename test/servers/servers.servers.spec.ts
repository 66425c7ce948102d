import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findServer, gaps, skippedFor, start, type RunningServer, type ServerName } from './index.js';

const HEALTH: Record<ServerName, { path: string; status: number }> = {
  minio: { path: '/minio/health/live', status: 200 },
  moto: { path: '/moto-api/data.json', status: 200 },
  azurite: { path: '?comp=list', status: 403 },
  'fake-gcs-server': { path: '/_internal/healthcheck', status: 200 },
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
    const ask = async (signal?: AbortSignal) => {
      const answer = await fetch(server.endpoint + HEALTH[name].path, signal ? { signal } : {});
      await answer.arrayBuffer();
      return answer.status;
    };
    beforeAll(async () => {
      if (!missing) server = await start(name);
    });
    afterAll(async () => {
      if (!missing) await server.stop();
    });

    check(`starts it ready, on 127.0.0.1${missing}`, async () => {
      expect(new URL(server.endpoint).hostname).toBe('127.0.0.1');
      expect(await ask()).toBe(HEALTH[name].status);
    });

    check(`makes it hang and go on${missing}`, async () => {
      server.pause();
      await expect(ask(AbortSignal.timeout(300))).rejects.toThrow(/aborted|timeout/i);
      const late = ask();
      server.resume();
      expect(await late).toBe(HEALTH[name].status);
    });

    check(`kills it, and brings it up again on the same port${missing}`, async () => {
      const { endpoint, pid } = server;
      await server.kill();
      expect(isThere(pid)).toBe(false);
      await expect(ask()).rejects.toThrow();
      await server.restart();
      expect(server.endpoint).toBe(endpoint);
      expect(server.pid).not.toBe(pid);
      expect(await ask()).toBe(HEALTH[name].status);
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
