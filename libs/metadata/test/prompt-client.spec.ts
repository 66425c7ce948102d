import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { PromptClient } from '../src/index.js';

describe('a pool of connections that do not wait for a silent Postgres', () => {
  const directory = mkdtempSync(join(tmpdir(), 'spumoni-prompt-'));
  let postgres: EmbeddedPostgres;
  let pool: pg.Pool;
  beforeAll(async () => {
    postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'pg'), durable: false });
    pool = new pg.Pool({ ...postgres.connection, Client: PromptClient, max: 1, query_timeout: 500 });
  }, 120_000);
  afterAll(async () => {
    await pool.end();
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  it('hands none out again that was given up, not even to who asks in that very moment', async () => {
    const client = await pool.connect();
    const silence = client.query('SELECT pg_sleep(600)');
    const another = silence.then(
      () => client,
      () => {
        client.release();
        return pool.connect();
      },
    );
    await expect(silence).rejects.toMatchObject({ message: 'Query read timeout' });
    expect(await another).not.toBe(client);
    (await another).release();
  });
});
