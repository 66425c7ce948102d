import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDeployment, startWork, type Logger, type WorkUnderWay } from '#libs/deployment';
import type { BucketDocument } from '#libs/metadata';
import { createBucket, ensureContainer, openBucket, type Engine, type OperationContext } from '#libs/objects';
import { postgresUrl, startEmbeddedPostgres } from '#libs/postgres-server';
import { readSettings } from '#libs/settings';
import type { BackendBody } from '../vendor-servers.js';

type Deployment = Awaited<ReturnType<typeof openDeployment>>;

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A backend of the deployment, by id and name. */
export interface Place {
  readonly id: string;
  readonly name: string;
}

/**
 * Two deployments open on the same data, as two API processes have it, and the second at work besides (sweeping all the time). The bucket `contended` is at home on one backend and has a
 * container on another, so that objects may move between both.
 */
export class TwoDeployments {
  private constructor(
    readonly deployments: readonly [Deployment, Deployment],
    private readonly work: WorkUnderWay,
    private readonly places: readonly [Place, Place],
    private readonly cleanUp: () => Promise<void>,
  ) {}

  static async open(home: BackendBody, environment: Readonly<Record<string, string>> = {}): Promise<TwoDeployments> {
    const directory = await mkdtemp(join(tmpdir(), 'spumoni-two-writers-'));
    const postgres = await startEmbeddedPostgres({
      dataDirectory: join(directory, 'postgres'),
      durable: false,
      maxConnections: 100,
    });
    const settings = readSettings({
      SPUMONI_DATA_DIR: join(directory, 'data'),
      SPUMONI_POSTGRES_URL: postgresUrl(postgres.connection),
      SPUMONI_GARBAGE_GRACE_SECONDS: '0.2',
      SPUMONI_SWEEP_SECONDS: '0.1',
      SPUMONI_HEARTBEAT_SECONDS: '1',
      SPUMONI_DEAD_AFTER_SECONDS: '6',
      SPUMONI_PATIENCE_SECONDS: '10',
      ...environment,
    });
    const first = await openDeployment(settings, { role: 'api', logger: SILENT });
    const second = await openDeployment(settings, { role: 'worker', logger: SILENT });
    const { id } = await first.backends.register('test', home);
    const { id: otherId } = await first.backends.get('local');
    const root = await first.users.findUser('root');
    const owner = { ...CONTEXT, actor: { userId: root?.id ?? '', isAdmin: true } };
    const bucket = await createBucket(first.engine, owner, { name: 'contended', backend: home.name });
    const other = (await first.engine.catalog.list()).find((backend) => backend.id === otherId);
    if (!other) throw new Error('the backend "local" is not there');
    await ensureContainer(first.engine, CONTEXT, bucket.bucket, other);
    const places = [
      { id, name: home.name },
      { id: otherId, name: 'local' },
    ] as const;
    return new TwoDeployments([first, second], await startWork(second), places, async () => {
      await Promise.all([first.close(), second.close()]);
      await postgres.stop();
      await rm(directory, { recursive: true, force: true });
    });
  }

  get home(): Place {
    return this.places[0];
  }

  get other(): Place {
    return this.places[1];
  }

  get engine(): Engine {
    return this.deployments[0].engine;
  }

  /** A class of the home that is not its default, where there is one. */
  async anotherClass(): Promise<string | undefined> {
    return (await this.engine.backends.open(this.home.id)).capabilities.storageClasses[1];
  }

  bucket(): Promise<BucketDocument> {
    return openBucket(this.engine, CONTEXT, 'contended');
  }

  async close(): Promise<void> {
    await this.work.stop();
    await this.cleanUp();
  }
}

export const CONTEXT: OperationContext = { requestId: 'two-writers', actor: { userId: 'tester', isAdmin: true } };
