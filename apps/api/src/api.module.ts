import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import type { Deployment, Logger } from '#libs/deployment';
import { AdminModule } from './admin/admin.module.js';
import { AuditTrail } from './audit/audit-trail.js';
import { AuditInterceptor } from './audit/audit.interceptor.js';
import { BucketsModule } from './buckets/buckets.module.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ObjectsModule } from './objects/objects.module.js';
import { Metrics } from './operations/metrics.js';
import { OperationsController } from './operations/operations.controller.js';
import { Shutdown } from './operations/shutdown.js';
import { DEPLOYMENT, LOGGER } from './tokens.js';

/** What the API is put around. No deployment: the API can be described, and serves nothing. */
export interface ApiParts {
  readonly deployment?: Deployment;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The whole API: two surfaces of REST and what operators need, around one deployment. */
@Module({})
export class ApiModule {
  static around({ deployment, logger, metrics }: ApiParts): DynamicModule {
    return {
      module: ApiModule,
      global: true,
      imports: [BucketsModule, ObjectsModule, AdminModule],
      controllers: [OperationsController],
      providers: [
        { provide: DEPLOYMENT, useFactory: () => deployment },
        { provide: LOGGER, useFactory: () => logger },
        { provide: Metrics, useFactory: () => metrics },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_INTERCEPTOR, useClass: AuditInterceptor },
        AuditTrail,
        Shutdown,
      ],
      exports: [DEPLOYMENT, LOGGER, Metrics, Shutdown],
    };
  }
}
