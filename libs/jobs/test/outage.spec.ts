import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { openJobQueue, type JobQueue } from '../src/index.js';

const directory = mkdtempSync(join(tmpdir(), 'spumoni-outage-'));
/** Stays the same while the server's own socket directory is a new one at each start. */
const host = join(directory, 'socket');
let server: EmbeddedPostgres | undefined;
let queue: JobQueue | undefined;

async function start(): Promise<EmbeddedPostgres> {
  const started = await startEmbeddedPostgres({ dataDirectory: join(directory, 'pg'), durable: false });
  symlinkSync(started.connection.host, host);
  return started;
}

afterAll(async () => {
  await queue?.close();
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

it('a queue and its workers outlive an outage of Postgres: calls fail while it lasts, jobs come after it', async () => {
  server = await start();
  const trouble: Error[] = [];
  const postgres = { ...server.connection, host };
  queue = await openJobQueue({ connection: { kind: 'postgres', postgres }, onTrouble: (error) => trouble.push(error) });
  const brought = new Map<string, () => void>();
  const arrival = (id: string) => new Promise<void>((resolve) => brought.set(id, resolve));
  await queue.work(
    { job: async ({ jobId }) => brought.get(jobId)?.(), tick: async () => undefined },
    { concurrency: 1 },
  );
  const first = arrival('before');
  await queue.enqueue('before', 'sweep');
  await first;
  unlinkSync(host);
  await server.stop();
  await expect(queue.enqueue('during', 'sweep')).rejects.toThrow();
  server = await start();
  const second = arrival('after');
  await queue.enqueue('after', 'sweep');
  await second;
  expect(trouble.length).toBeGreaterThan(0);
});
