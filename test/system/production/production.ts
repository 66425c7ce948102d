import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { postgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { environmentFile } from '../../operations/environment-file.js';
import { startFerretDb, startRedis, type RunningRedis } from '../../servers/index.js';
import { Client } from '../client.js';
import { Program, type App } from './program.js';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
/** So that a test need not wait as long as an operator would; everything else is as the environment files say. */
const QUICK = {
  SPUMONI_HEARTBEAT_SECONDS: '1',
  SPUMONI_DEAD_AFTER_SECONDS: '5',
  SPUMONI_SWEEP_SECONDS: '1',
  SPUMONI_GARBAGE_GRACE_SECONDS: '1',
};

/** A store that can go away, and come back with all it had. */
interface Store {
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A Postgres at an address that stays the same over restarts. */
class OutsidePostgres implements Store {
  #server: EmbeddedPostgres | undefined;

  private constructor(
    private readonly directory: string,
    private readonly address: string,
  ) {}

  static async start(directory: string): Promise<OutsidePostgres> {
    const postgres = new OutsidePostgres(directory, join(directory, 'postgres-socket'));
    await postgres.restart();
    return postgres;
  }

  get connection(): EmbeddedPostgres['connection'] {
    if (this.#server === undefined) throw new Error('Postgres is away');
    return { ...this.#server.connection, host: this.address };
  }

  async kill(): Promise<void> {
    await unlink(this.address);
    await this.#server?.stop();
    this.#server = undefined;
  }

  async restart(): Promise<void> {
    const dataDirectory = join(this.directory, 'postgres');
    this.#server = await startEmbeddedPostgres({ dataDirectory, durable: false });
    await symlink(this.#server.connection.host, this.address);
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }
}

interface Stores {
  readonly postgres: OutsidePostgres;
  readonly redis: RunningRedis;
  readonly mongodb: Store;
}

/**
 * Production as docker-compose.yml has it, without Docker: the same processes with the same environment files and secrets from files made by the same script, on a Postgres, a Redis and MongoDB's
 * protocol that are reached at other addresses. No process has a directory of its own.
 */
export class Production {
  readonly #programs: Program[] = [];

  private constructor(
    private readonly directory: string,
    readonly stores: Stores,
    readonly keys: { readonly accessKey: string; readonly secretKey: string },
  ) {}

  static async start(): Promise<Production> {
    const directory = await mkdtemp(join(tmpdir(), 'spumoni-production-'));
    await promisify(execFile)('sh', [join(REPOSITORY, 'ops/compose/make-secrets.sh'), join(directory, 'secrets')]);
    const secret = (name: string): Promise<string> => readFile(join(directory, 'secrets', name), 'utf8');
    const replace = (name: string, url: string): Promise<void> => {
      const path = join(directory, 'secrets', name);
      return rm(path).then(() => writeFile(path, url, { mode: 0o400 }));
    };
    const postgres = await OutsidePostgres.start(directory);
    const redis = await startRedis({ password: await secret('redis_password') });
    const mongodb = await startFerretDb();
    await replace('postgres_url', postgresUrl(postgres.connection));
    await replace('redis_url', redis.url);
    await replace('mongodb_url', `${mongodb.endpoint}/spumoni`);
    const keys = { accessKey: 'root', secretKey: await secret('root_secret_key') };
    return new Production(directory, { postgres, redis, mongodb }, keys);
  }

  /** A directory on this machine that all processes see, for a backend. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** What opens the object index beside the processes, to look at it. */
  async indexOptions(): Promise<{ readonly url: string; readonly deployment: string }> {
    const url = await readFile(join(this.directory, 'secrets', 'mongodb_url'), 'utf8');
    const client = new MongoClient(url);
    try {
      const format = await client.db().collection<{ _id: string; deployment: string }>('meta').findOne();
      return { url, deployment: format?.deployment ?? '' };
    } finally {
      await client.close();
    }
  }

  /** Starts one more process, with settings beside those of the environment files if given. */
  async run(app: App, settings: Readonly<Record<string, string>> = QUICK): Promise<Program> {
    const file = environmentFile(join(REPOSITORY, `ops/compose/${app}.env`));
    const variables = Object.entries(file).map(([name, value]) => [
      name,
      value.replace('/run/secrets/', `${this.directory}/secrets/`).replace('0.0.0.0', '127.0.0.1'),
    ]);
    const environment = { ...(Object.fromEntries(variables) as Record<string, string>), ...settings };
    const program = await Program.start(app, environment);
    this.#programs.push(program);
    return program;
  }

  client(program: Program): Client {
    return new Client({ url: program.url, ...this.keys });
  }

  /** The process that runs a job now, as the job's row names it. */
  async workerOf(jobId: string, workers: readonly Program[]): Promise<Program | undefined> {
    const client = new pg.Client({ ...this.stores.postgres.connection });
    await client.connect();
    try {
      const text = "SELECT worker_id FROM job WHERE id = $1 AND state = 'running'";
      const { rows } = await client.query<{ worker_id: string }>(text, [jobId]);
      return workers.find(({ pid }) => rows[0]?.worker_id.includes(`-${pid}-`) === true);
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()));
    await Promise.all(Object.values(this.stores).map((store: Store) => store.stop()));
    await rm(this.directory, { recursive: true, force: true });
  }
}
