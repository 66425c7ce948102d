import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { startWork, type OpenDeployment, type WorkerIdentity, type WorkUnderWay } from '#libs/deployment';
import { HealthServer } from './health-server.js';
import { WorkerMetrics } from './metrics.js';
import { DEPLOYMENT, IDENTITY } from './tokens.js';

/** The worker's life: begins to work when the application is up; gives its jobs back, and closes what it opened, when it goes down. */
@Injectable()
export class WorkerService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #work: WorkUnderWay | undefined;
  readonly #health: HealthServer;

  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: OpenDeployment,
    @Inject(IDENTITY) private readonly identity: WorkerIdentity | undefined,
    @Inject(WorkerMetrics) metrics: WorkerMetrics,
  ) {
    this.#health = new HealthServer(deployment, metrics);
  }

  async onApplicationBootstrap(): Promise<void> {
    const { workerPort, workerHost } = this.deployment.settings;
    if (workerPort !== undefined) await this.#health.listen(workerPort, workerHost);
    this.#work = await startWork(this.deployment, this.identity);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#work?.stop();
    await this.#health.close();
    await this.deployment.close();
  }
}
