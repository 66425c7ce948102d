import type { INestApplicationContext } from '@nestjs/common';
import { NestApplicationContextOptions } from '@nestjs/common/interfaces/nest-application-context-options.interface.js';
import { NestFactory } from '@nestjs/core';
import { openDeployment } from '#libs/deployment';
import type { Settings } from '#libs/settings';
import { createLogger } from './logger.js';
import { WorkerMetrics } from './metrics.js';
import { WorkerModule } from './worker.module.js';

/** Opens the deployment and sets it to work. Closing what it answers gives running jobs back and closes everything. Rejects with what a person can mend. */
export async function runWorker(settings: Settings): Promise<INestApplicationContext> {
  const logger = createLogger(settings.logLevel);
  const metrics = new WorkerMetrics();
  const deployment = await openDeployment(settings, { role: 'worker', logger, onOperation: metrics.observe });
  const options = new NestApplicationContextOptions();
  Object.assign(options, { logger: false, abortOnError: false });
  try {
    const module = WorkerModule.over(deployment, metrics);
    return await NestFactory.createApplicationContext(module, options);
  } catch (error) {
    await deployment.close();
    throw error;
  }
}
