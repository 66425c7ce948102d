import 'reflect-metadata';
import { readSettings } from '#libs/settings';
import { runApi } from './operations/run-api.js';
import { announce, fail, onStop } from './operations/supervision.js';

/** The API's process: reads its settings, serves, and stops when it is told to. */
async function main(): Promise<void> {
  const running = runApi(readSettings(process.env));
  onStop(async () => (await running).stop());
  announce(await running);
}

main().catch(fail);
