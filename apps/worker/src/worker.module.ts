import { Module, type DynamicModule } from '@nestjs/common';
import type { OpenDeployment, WorkerIdentity } from '#libs/deployment';
import { WorkerMetrics } from './metrics.js';
import { DEPLOYMENT, IDENTITY } from './tokens.js';
import { WorkerService } from './worker.service.js';

/** The worker: a deployment, and what is done with it. */
@Module({})
export class WorkerModule {
  static over(deployment: OpenDeployment, metrics: WorkerMetrics, identity: WorkerIdentity | undefined): DynamicModule {
    const given = [
      { provide: DEPLOYMENT, useValue: deployment },
      { provide: IDENTITY, useValue: identity },
      { provide: WorkerMetrics, useValue: metrics },
    ];
    return { module: WorkerModule, providers: [...given, WorkerService] };
  }
}
