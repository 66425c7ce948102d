import type { INestApplicationContext } from '@nestjs/common';
import { NestApplicationContextOptions } from '@nestjs/common/interfaces/nest-application-context-options.interface.js';
import { NestFactory } from '@nestjs/core';
import { openDeployment, openTraces, type WorkerIdentity } from '#libs/deployment';
import type { Settings } from '#libs/settings';
import type { Tracing } from '#libs/tracing';
import { createLogger } from './logger.js';
import { WorkerMetrics } from './metrics.js';
import { WorkerModule } from './worker.module.js';

/** Opens the deployment and sets it to work. Closing what it answers gives running jobs back and closes everything. Rejects with what a person can mend. */
export async function runWorker(settings: Settings, identity?: WorkerIdentity): Promise<INestApplicationContext> {
  const logger = createLogger(settings.logLevel, settings.traces && (() => tracing));
  const tracing: Tracing | undefined = await openTraces(settings, 'worker', () => logger);
  const metrics = new WorkerMetrics();
  const options = { role: 'worker', logger, tracing, onOperation: metrics.observe } as const;
  const deployment = await openDeployment(settings, options);
  const quiet = new NestApplicationContextOptions();
  Object.assign(quiet, { logger: false, abortOnError: false });
  try {
    const module = WorkerModule.over(deployment, metrics, identity);
    return await NestFactory.createApplicationContext(module, quiet);
  } catch (error) {
    await deployment.close();
    throw error;
  }
}
