import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import pg from 'pg';
import {
  openControlPlane,
  type ControlPlane,
  type ControlPlaneOptions,
  type PostgresConnection,
} from '../src/control-plane/index.js';

/** A real Postgres for one spec file, which can go away and come back at the same place. */
export class TestPostgres {
  private readonly directory = mkdtempSync(join(tmpdir(), 'spumoni-cp-'));
  /** Stays the same while the server's own socket directory is a new one at each start. */
  private readonly host = join(this.directory, 'socket');
  private server: EmbeddedPostgres | undefined;
  private databases = 0;
  private readonly planes: ControlPlane[] = [];

  async start(): Promise<void> {
    this.server = await startEmbeddedPostgres({ dataDirectory: join(this.directory, 'pg'), durable: false });
    symlinkSync(this.server.connection.host, this.host);
  }

  get connection(): PostgresConnection {
    if (this.server === undefined) throw new Error('start it first');
    return { ...this.server.connection, host: this.host };
  }

  /** Fails every connection until `start`. */
  async stop(): Promise<void> {
    unlinkSync(this.host);
    await this.server?.stop();
  }

  /** An empty database: a deployment of its own. */
  async freshDatabase(): Promise<PostgresConnection> {
    this.databases += 1;
    const database = `deployment_${String(this.databases)}`;
    await this.query(`CREATE DATABASE ${database}`);
    return { ...this.connection, database };
  }

  /** A control plane that `dispose` closes. */
  async open(options: ControlPlaneOptions): Promise<ControlPlane> {
    const plane = await openControlPlane(options);
    this.planes.push(plane);
    return plane;
  }

  async query<Row extends pg.QueryResultRow>(
    statement: string,
    connection = this.connection,
  ): Promise<pg.QueryResult<Row>> {
    const client = new pg.Client({ ...connection });
    await client.connect();
    try {
      return await client.query<Row>(statement);
    } finally {
      await client.end();
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.planes.map((plane) => plane.close()));
    await this.server?.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
