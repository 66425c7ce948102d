import { restore } from '#libs/backup';
import { masterKeysAtHand } from '#libs/deployment';
import { readSettings } from '#libs/settings';
import { commandIn } from './maintenance/command-line.js';
import { ProgressLine } from './maintenance/progress-line.js';
import { withStoresToWrite } from './maintenance/stores.js';
import { terminal } from './terminal.js';

const USAGE =
  'usage: npm run restore -- --from FILE [--unsigned]   (with the settings of the service to be, which must not run yet)';

/** What `npm run restore` runs: a backup into a deployment that was never started. Exit code 1, with a reason, if it could not be restored. */
async function main(): Promise<void> {
  const { file: from, unsigned } = commandIn(process.argv.slice(2), 'from', USAGE);
  const settings = readSettings(process.env);
  const keys = await masterKeysAtHand(settings);
  const line = new ProgressLine();
  const { header, counts, recovering, signedBy } = await withStoresToWrite(settings, (stores) =>
    restore({ ...stores, from, keys, unsigned, onProgress: (progress) => line.tell(progress) }),
  );
  const of = `${counts.keys.toLocaleString('en')} keys and ${recovering.toLocaleString('en')} buckets of deployment ${header.deployment}`;
  terminal.say(`Restored ${of}, as of ${new Date(header.createdAt).toISOString()}.`);
  if (signedBy === undefined)
    terminal.problem(
      `${from} was taken as it is (--unsigned): nobody can say whether it was changed since it was written. Look through users, keys and owners before anybody else can reach the service.`,
    );
  terminal.say(
    'Start Spumoni now. Each bucket answers 503 until what was written since has been found at its vendors.',
  );
}

main().catch((error: unknown) => {
  terminal.problem(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
