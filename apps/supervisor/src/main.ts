import { join } from 'node:path';
import { readSettings, SettingsError } from '#libs/settings';
import { supervise } from './supervise.js';
import { terminal } from './terminal.js';

const apps = join(import.meta.dirname, '..', '..');

/** What `npm start` runs: everything, until a signal. Exit code 0 after an orderly stop, 1 if something could not start or stay. */
async function main(): Promise<number> {
  try {
    return await supervise(readSettings(process.env), {
      api: join(apps, 'api', 'src', 'main.js'),
      worker: join(apps, 'worker', 'src', 'main.js'),
    });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    terminal.problem(error.message);
    return 1;
  }
}

process.exit(await main());
