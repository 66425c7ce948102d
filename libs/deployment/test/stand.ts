import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresUrl, startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';
import { readSettings, type Settings } from '#libs/settings';
import pg from 'pg';
import type { Clock, OperationContext } from '#libs/objects';
import { openDeployment, type Deployment, type DeploymentOptions, type Logger } from '../src/index.js';

/** Keeps every line that was logged, for being searched. */
export class KeptLog implements Logger {
  readonly lines: { level: string; facts: object; message: string }[] = [];
  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');

  #at(level: string) {
    return (facts: object, message: string): void => void this.lines.push({ level, facts, message });
  }
}

/** A real Postgres and a temporary directory for one spec file; each `fresh` is a deployment of its own. */
export class Stand {
  readonly directory = mkdtempSync(join(tmpdir(), 'spumoni-deployment-'));
  readonly log = new KeptLog();
  readonly #open = new Set<Deployment>();
  #server: EmbeddedPostgres | undefined;
  #made = 0;

  async start(): Promise<void> {
    this.#server = await startEmbeddedPostgres({
      dataDirectory: join(this.directory, 'pg'),
      durable: false,
      maxConnections: 200,
    });
  }

  /** Settings of a deployment that nobody has opened yet. */
  async settings(more: Record<string, string> = {}): Promise<Settings> {
    if (this.#server === undefined) throw new Error('start it first');
    this.#made += 1;
    const database = `deployment_${String(this.#made)}`;
    const client = new pg.Client({ ...this.#server.connection });
    await client.connect();
    await client.query(`CREATE DATABASE ${database}`);
    await client.end();
    return readSettings({
      SPUMONI_DATA_DIR: join(this.directory, database),
      SPUMONI_POSTGRES_URL: postgresUrl({ ...this.#server.connection, database }),
      ...more,
    });
  }

  async open(settings: Settings, options: Partial<DeploymentOptions> = {}) {
    const deployment = await openDeployment(settings, { role: 'api', logger: this.log, ...options });
    this.#open.add(deployment);
    return deployment;
  }

  /** A deployment of its own. */
  async fresh(more: Record<string, string> = {}, options: Partial<DeploymentOptions> = {}) {
    return this.open(await this.settings(more), options);
  }

  /** A directory that nothing uses. */
  path(name: string): string {
    return mkdtempSync(join(this.directory, `${name}-`));
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#open].map((deployment) => deployment.close()));
    await this.#server?.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A clock that the test moves; real sleeping is left to it. */
export class MovableClock implements Clock {
  #moved = 0;

  constructor(private readonly real: Clock) {}

  move(ms: number): void {
    this.#moved += ms;
  }

  now(): number {
    return this.real.now() + this.#moved;
  }

  monotonic(): number {
    return this.real.monotonic() + this.#moved;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.real.sleep(ms, signal);
  }

  every(ms: number, tick: () => Promise<void>): () => void {
    return this.real.every(ms, tick);
  }
}

/** The administrator of a deployment, as the domain's first argument. */
export async function administrator(deployment: Deployment): Promise<OperationContext> {
  const root = await deployment.users.findUser('root');
  return { requestId: 'test', actor: { userId: root?.id ?? '', isAdmin: true } };
}
