import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { readSettings } from '#libs/settings';
import { runWorker } from './run-worker.js';
import { identityIn } from './identity.js';
import { announce, fail, onStop } from './supervision.js';

async function readAndRun(): Promise<INestApplicationContext> {
  return runWorker(readSettings(process.env), identityIn(process.argv.slice(2)));
}

/** The worker's process: reads its settings, works, and stops when it is told to. */
async function main(): Promise<void> {
  const starting = readAndRun();
  onStop(async () => (await starting).close());
  await starting;
  await announce();
}

main().catch(fail);
