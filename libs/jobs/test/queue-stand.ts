import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openControlPlane, type ControlPlane, type JobRecord, type PostgresConnection } from '#libs/metadata';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import pg from 'pg';
import { openJobQueue, type JobQueue, type QueueConnection } from '../src/index.js';

/** A control plane for the jobs, and queues that are closed after each test. */
export class QueueStand {
  readonly #queues: JobQueue[] = [];
  /** What the queues of this test were in trouble with. */
  readonly trouble: Error[] = [];

  private constructor(
    private readonly directory: string,
    private readonly server: EmbeddedPostgres,
    readonly plane: ControlPlane,
  ) {}

  static async start(): Promise<QueueStand> {
    const directory = mkdtempSync(join(tmpdir(), 'spumoni-jobs-'));
    const server = await startEmbeddedPostgres({ dataDirectory: join(directory, 'pg'), durable: false });
    return new QueueStand(directory, server, await openControlPlane({ connection: server.connection }));
  }

  get postgres(): PostgresConnection {
    return this.server.connection;
  }

  async query(text: string): Promise<void> {
    const client = new pg.Client({ ...this.postgres });
    await client.connect();
    await client.query(text);
    await client.end();
  }

  async open(connection: QueueConnection): Promise<JobQueue> {
    const queue = await openJobQueue({ connection, onTrouble: (error) => this.trouble.push(error) });
    this.#queues.push(queue);
    return queue;
  }

  aJob(): Promise<JobRecord> {
    return this.plane.jobs.create({ type: 'migration', payload: { bucket: 'b' } });
  }

  /** After each test. */
  async tidy(): Promise<void> {
    await Promise.all(this.#queues.splice(0).map((queue) => queue.close()));
    this.trouble.length = 0;
    await this.query('DELETE FROM job');
  }

  async stop(): Promise<void> {
    await this.plane.close();
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
