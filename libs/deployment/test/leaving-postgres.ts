import { mkdtempSync, rmSync } from 'node:fs';
import { symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { FrozenPostgres } from '../../../test/servers/frozen-postgres.js';

/** A Postgres that goes away, or stands still, and comes back with all it had, at an address that stays the same. */
export class LeavingPostgres {
  readonly directory = mkdtempSync(join(tmpdir(), 'spumoni-leaving-'));
  readonly #address = join(this.directory, 'socket');
  readonly #dataDirectory = join(this.directory, 'pg');
  #server: EmbeddedPostgres | undefined;
  #frozen: FrozenPostgres | undefined;

  /** For `SPUMONI_POSTGRES_URL`. */
  get url(): string {
    if (this.#server === undefined) throw new Error('Postgres is away');
    return postgresUrl({ ...this.#server.connection, host: this.#address });
  }

  async start(): Promise<void> {
    const dataDirectory = this.#dataDirectory;
    this.#server = await startEmbeddedPostgres({ dataDirectory, durable: false, maxConnections: 200 });
    await symlink(this.#server.connection.host, this.#address);
  }

  /** Every connection is cut, and none can be made. */
  async leave(): Promise<void> {
    await unlink(this.#address);
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Nothing is answered, and nothing is cut. */
  freeze(): void {
    this.#frozen = new FrozenPostgres(this.#dataDirectory);
  }

  thaw(): void {
    this.#frozen?.thaw();
    this.#frozen = undefined;
  }

  async dispose(): Promise<void> {
    this.thaw();
    await this.#server?.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
