import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { postgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { readSettings } from '#libs/settings';
import { freePort } from '../../../test/servers/free-port.js';
import { runApi, type RunningApi } from '../src/operations/run-api.js';

/** A key pair as HTTP Basic. */
export function basic(accessKey: string, secret: string): string {
  return `Basic ${Buffer.from(`${accessKey}:${secret}`).toString('base64')}`;
}

export const ROOT = { accessKey: 'root-access', secret: 'root-secret-key' };

/** How long a start may take on a machine that does a dozen other things. */
export const START_MS = 120_000;

/** The real API on a free port, over a real Postgres, index and filesystem backend of its own. */
export class Stand {
  private constructor(
    readonly directory: string,
    private readonly postgres: EmbeddedPostgres,
    readonly api: RunningApi,
    readonly port: number,
  ) {}

  static async start(environment: Record<string, string> = {}): Promise<Stand> {
    const directory = mkdtempSync(join(tmpdir(), 'spumoni-api-'));
    const postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'postgres'), durable: false });
    const port = await freePort();
    const settings = readSettings({
      SPUMONI_DATA_DIR: join(directory, 'data'),
      SPUMONI_API_PORT: String(port),
      SPUMONI_POSTGRES_URL: postgresUrl(postgres.connection),
      SPUMONI_ROOT_ACCESS_KEY: ROOT.accessKey,
      SPUMONI_ROOT_SECRET_KEY: ROOT.secret,
      SPUMONI_LOG_LEVEL: 'error',
      ...environment,
    });
    try {
      return new Stand(directory, postgres, await runApi(settings), port);
    } catch (error) {
      await postgres.stop();
      throw error;
    }
  }

  /** The root administrator's header. */
  readonly root = basic(ROOT.accessKey, ROOT.secret);

  get url(): string {
    return this.api.url;
  }

  async stop(): Promise<void> {
    await this.api.stop(2_000);
    await this.dispose();
  }

  /** For who has stopped the API already. */
  async dispose(): Promise<void> {
    await this.postgres.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A statement of SQL, as whoever owns the database. */
  async postgresQuery<Row extends pg.QueryResultRow>(statement: string): Promise<Row[]> {
    const client = new pg.Client({ ...this.postgres.connection });
    await client.connect();
    try {
      return (await client.query<Row>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** A request as the root administrator, unless another `authorization` is given (empty: none). */
  async ask(method: string, path: string, options: Asked = {}): Promise<Answer> {
    const { authorization = basic(ROOT.accessKey, ROOT.secret), json, body, headers = {} } = options;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(authorization === '' ? {} : { authorization }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? (body === undefined ? {} : { body }) : { body: JSON.stringify(json) }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: response.headers, bytes, json: parsed(response, bytes) };
  }
}

export interface Asked {
  readonly authorization?: string;
  readonly json?: unknown;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Undefined unless the answer is JSON. */
  readonly json: unknown;
}

function parsed(response: Response, bytes: Buffer): unknown {
  const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '') && bytes.length > 0;
  return isJson ? JSON.parse(bytes.toString('utf8')) : undefined;
}
