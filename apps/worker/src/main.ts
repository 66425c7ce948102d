import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { readSettings } from '#libs/settings';
import { runWorker } from './run-worker.js';
import { announce, fail, onStop } from './supervision.js';

/** The worker's process: reads its settings, works, and stops when it is told to. */
async function main(): Promise<void> {
  let worker: INestApplicationContext | undefined;
  onStop(async () => worker?.close());
  worker = await runWorker(readSettings(process.env));
  await announce();
}

main().catch(fail);
