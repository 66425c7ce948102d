import { stat } from 'node:fs/promises';
import { backUp } from '#libs/backup';
import { readSettings } from '#libs/settings';
import { fileIn } from './maintenance/command-line.js';
import { mebibytes, ProgressLine } from './maintenance/progress-line.js';
import { withStoresToRead } from './maintenance/stores.js';
import { terminal } from './terminal.js';

const USAGE = 'usage: npm run backup -- --to FILE   (with the settings of the service, which may run meanwhile)';

/** What `npm run backup` runs: all metadata into one file. Exit code 1, with a reason, if it could not be written. */
async function main(): Promise<void> {
  const to = fileIn(process.argv.slice(2), 'to', USAGE);
  const settings = readSettings(process.env);
  const line = new ProgressLine();
  const { header, counts } = await withStoresToRead(settings, (stores) =>
    backUp({ ...stores, to, now: () => Date.now(), onProgress: (progress) => line.tell(progress) }),
  );
  const rows = Object.values(counts.rows).reduce((sum, count) => sum + count, 0);
  const of = `${rows.toLocaleString('en')} rows of the control plane, ${counts.buckets.toLocaleString('en')} buckets and ${counts.keys.toLocaleString('en')} keys`;
  terminal.say(`Wrote ${to} (${mebibytes((await stat(to)).size)}): ${of} of deployment ${header.deployment}.`);
  terminal.say(
    `To restore it takes the master key ${header.masterKeys.join(' and ')}, which is not in it: keep it apart.`,
  );
}

main().catch((error: unknown) => {
  terminal.problem(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
