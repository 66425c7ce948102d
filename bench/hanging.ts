import { setTimeout } from 'node:timers/promises';
import { Pool } from 'undici';
import { findServer, startMinio } from '../test/servers/index.js';
import { objectPath, type Answer } from '../test/system/client.js';
import { blackHole } from '../test/system/hanging/black-hole.js';
import { p99 } from '../test/system/hanging/percentile.js';
import { RunningSpumoni, until } from '../test/system/running-spumoni.js';
import { SwitchableLine } from '../test/system/switchable-line.js';
import { minioBody } from './minio-body.js';

const STUCK = 500;
const PAIRS = 6;
const REQUESTS = 1_500;
/** Longer than one of a pair takes. */
const DEADLINE_SECONDS = '60';
const ALIVE_MS = 60_000;
/** To send the requests that are to be stuck is work for all, which is over after this. */
const SETTLE_MS = 1_500;
const HEALTHY = objectPath('healthy', 'key');

/** The 99th percentile of a healthy backend's GET, in milliseconds: the least of several runs, as what else the machine does only ever makes it more. */
export interface Hanging {
  readonly free: number;
  /** With so many requests stuck on another backend. */
  readonly during: number;
  readonly stuck: number;
  readonly pairs: number;
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
  try {
    const client = spumoni.client();
    await client.expect(201, 'POST', '/admin/v1/backends', { json: minioBody({ ...minio, endpoint: line.origin }) });
    await client.expect(200, 'PUT', '/v1/healthy', { json: { backend: 'local' } });
    await client.expect(200, 'PUT', '/v1/hanging', { json: { backend: 'minio' } });
    const hanging = objectPath('hanging', 'key');
    for (const path of [HEALTHY, hanging]) await client.expect(200, 'PUT', path, { body: 'x'.repeat(1024) });
    const asked = { path: HEALTHY, authorization: client.authorization };
    await p99(pool, asked, 3_000);
    const backend = new Hangable(() => client.send('GET', hanging), line, { alive: minio.endpoint, hole: hole.url });
    const [free, during]: [number[], number[]] = [[], []];
    // In turn, so that compilers, caches and neighbours are the same for both.
    for (let pair = 0; pair < PAIRS; pair += 1) {
      await backend.isAlive();
      free.push(await p99(pool, asked, REQUESTS));
      await backend.hang();
      during.push(await p99(pool, asked, REQUESTS));
      await backend.revive();
    }
    return { free: Math.min(...free), during: Math.min(...during), stuck: STUCK, pairs: PAIRS };
  } finally {
    await pool.close();
    await spumoni.stop();
    await line.close();
    hole.close();
    await minio.stop();
  }
}

/** A backend on which so many requests can be stuck. */
class Hangable {
  #stuck: Promise<unknown> = Promise.resolve();
  #answered = 0;

  constructor(
    private readonly ask: () => Promise<Answer>,
    private readonly line: SwitchableLine,
    private readonly ends: { readonly alive: string; readonly hole: string },
  ) {}

  /** Waits until it is asked again, and answers. */
  isAlive(): Promise<void> {
    return until('the backend answers', ALIVE_MS, async () => (await this.ask()).status === 200);
  }

  async hang(): Promise<void> {
    this.line.pointTo(this.ends.hole);
    this.#answered = 0;
    const request = (): Promise<unknown> => this.ask().finally(() => (this.#answered += 1));
    this.#stuck = Promise.allSettled(Array.from({ length: STUCK }, request));
    await setTimeout(SETTLE_MS);
  }

  /** Fails where a request was not stuck all the time. */
  async revive(): Promise<void> {
    const answered = this.#answered;
    this.line.pointTo(this.ends.alive);
    await this.#stuck;
    if (answered > 0) throw new Error(`${answered} of ${STUCK} requests to a backend that hangs were answered`);
  }
}
