import 'reflect-metadata';
import { readSettings } from '#libs/settings';
import { runApi, type RunningApi } from './operations/run-api.js';
import { announce, fail, onStop } from './operations/supervision.js';

/** The API's process: reads its settings, serves, and stops when it is told to. */
async function main(): Promise<void> {
  let api: RunningApi | undefined;
  onStop(async () => api?.stop());
  api = await runApi(readSettings(process.env));
  announce(api);
}

main().catch(fail);
