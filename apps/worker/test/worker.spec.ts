import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { postgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { readSettings, type Settings } from '#libs/settings';
import { DEPLOYMENT } from '../src/tokens.js';
import { runWorker } from '../src/run-worker.js';
import type { OpenDeployment } from '#libs/deployment';
import { freePort } from '../../../test/servers/free-port.js';

describe('the worker', () => {
  const directory = mkdtempSync(join(tmpdir(), 'spumoni-worker-'));
  let server: EmbeddedPostgres;
  let settings: Settings;
  let port = 0;

  beforeAll(async () => {
    server = await startEmbeddedPostgres({ dataDirectory: join(directory, 'pg'), durable: false });
    port = await freePort();
    settings = readSettings({
      SPUMONI_DATA_DIR: join(directory, 'data'),
      SPUMONI_POSTGRES_URL: postgresUrl(server.connection),
      SPUMONI_WORKER_PORT: String(port),
      SPUMONI_LOG_LEVEL: 'silent',
    });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${String(port)}${path}`);

  it('works, tells its health on 127.0.0.1, and makes no administrator', async () => {
    const worker = await runWorker(settings);
    const deployment = worker.get<OpenDeployment>(DEPLOYMENT);
    expect((await deployment.users.listUsers({ limit: 10 })).items).toEqual([]);
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' });
    expect(await (await get('/readyz')).json()).toEqual({
      ready: true,
      checks: { controlPlane: true, index: true, queue: true, masterKey: true },
    });
    await deployment.backends.check('test', 'local');
    expect(await (await get('/metrics')).text()).toMatch(
      /spumoni_backend_call_seconds_count\{backend="local",operation="probe",outcome="ok"\} \d/,
    );
    expect((await get('/else')).status).toBe(404);
    const { id } = await deployment.controlPlane.jobs.create({ type: 'transition', payload: {} });
    await deployment.queue.enqueue(id, 'transition');
    for await (const job of deployment.jobs.watch(id)) {
      if (job.state === 'failed') expect(job.error).toBe('this version runs no jobs of type transition');
    }
    await worker.close();
    await expect(get('/healthz')).rejects.toThrow('fetch failed');
  });

  it('does not start where its health port is taken, and leaves nothing open', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', () => resolve()));
    await expect(runWorker(settings)).rejects.toThrow(/EADDRINUSE/);
    await new Promise((resolve) => taken.close(resolve));
  });
});
