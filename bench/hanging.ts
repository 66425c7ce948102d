import { Pool } from 'undici';
import { findServer, startMinio } from '../test/servers/index.js';
import { objectPath } from '../test/system/client.js';
import { blackHole } from '../test/system/hanging/black-hole.js';
import { calmP99, p99 } from '../test/system/hanging/percentile.js';
import { RunningSpumoni } from '../test/system/running-spumoni.js';
import { SwitchableLine } from '../test/system/switchable-line.js';
import { minioBody } from './minio-body.js';

const STUCK = 500;
/** Longer than the measure takes. */
const DEADLINE_SECONDS = '20';
const HEALTHY = objectPath('healthy', 'key');

/** The 99th percentile of a healthy backend's GET, in milliseconds. */
export interface Hanging {
  readonly before: number;
  /** With so many requests stuck on another backend. */
  readonly during: number;
  readonly stuck: number;
}

/** Undefined where MinIO, which stands for the backend that begins to hang, is not installed. */
export async function measureHanging(): Promise<Hanging | undefined> {
  if (!findServer('minio')) return undefined;
  const minio = await startMinio();
  const hole = await blackHole();
  const line = await SwitchableLine.to(minio.endpoint);
  const environment = { SPUMONI_BACKEND_DEADLINE_SECONDS: DEADLINE_SECONDS, SPUMONI_LOG_LEVEL: 'warn' };
  const spumoni = await RunningSpumoni.start({ environment });
  const pool = new Pool(spumoni.url, { connections: 4 });
  const stop = new AbortController();
  let stuck: Promise<unknown> = Promise.resolve();
  try {
    const client = spumoni.client();
    await client.expect(201, 'POST', '/admin/v1/backends', { json: minioBody({ ...minio, endpoint: line.origin }) });
    await client.expect(200, 'PUT', '/v1/healthy', { json: { backend: 'local' } });
    await client.expect(200, 'PUT', '/v1/hanging', { json: { backend: 'minio' } });
    const hanging = objectPath('hanging', 'key');
    for (const path of [HEALTHY, hanging]) await client.expect(200, 'PUT', path, { body: 'x'.repeat(1024) });
    const asked = { path: HEALTHY, authorization: client.authorization };
    await p99(pool, asked, 3_000);
    const before = await calmP99(pool, asked, 1_500);
    line.pointTo(hole.url);
    const request = (): Promise<unknown> => client.send('GET', hanging, { signal: stop.signal });
    stuck = Promise.allSettled(Array.from({ length: STUCK }, request));
    const during = await calmP99(pool, asked, 1_500);
    return { before, during, stuck: STUCK };
  } finally {
    stop.abort();
    await stuck;
    await pool.close();
    await spumoni.stop();
    await line.close();
    hole.close();
    await minio.stop();
  }
}
