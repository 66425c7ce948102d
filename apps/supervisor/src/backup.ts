import { stat } from 'node:fs/promises';
import { backUp, checkBackup, type WrittenBackup } from '#libs/backup';
import { readSettings } from '#libs/settings';
import { fileIn } from './maintenance/command-line.js';
import { mebibytes, ProgressLine } from './maintenance/progress-line.js';
import { withStoresToRead } from './maintenance/stores.js';
import { terminal } from './terminal.js';

const USAGE =
  'usage: npm run backup -- --to FILE   (with the settings of the service, which may run meanwhile)\n       npm run backup -- --check FILE';

/** What `npm run backup` runs: all metadata into one file; or a look at one that is there. Exit code 1, with a reason, if it could not be written, or is no whole backup. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const line = new ProgressLine();
  const onProgress = line.tell.bind(line);
  if (args.some((arg) => arg.startsWith('--check'))) {
    const file = fileIn(args, 'check', USAGE);
    const { header, counts } = await checkBackup(file, onProgress);
    terminal.say(`${file} (${await sizeOf(file)}) is whole: ${whatIsIn({ header, counts })}.`);
    terminal.say(`It was made at ${new Date(header.createdAt).toISOString()}. ${neededBy(header)}`);
    return;
  }
  const to = fileIn(args, 'to', USAGE);
  const settings = readSettings(process.env);
  const written = await withStoresToRead(settings, (stores) =>
    backUp({ ...stores, to, now: () => Date.now(), onProgress }),
  );
  terminal.say(`Wrote ${to} (${await sizeOf(to)}): ${whatIsIn(written)}.`);
  terminal.say(neededBy(written.header));
}

async function sizeOf(file: string): Promise<string> {
  return mebibytes((await stat(file)).size);
}

function whatIsIn({ header, counts }: WrittenBackup): string {
  const rows = Object.values(counts.rows).reduce((sum, count) => sum + count, 0);
  return `${rows.toLocaleString('en')} rows of the control plane, ${counts.buckets.toLocaleString('en')} buckets and ${counts.keys.toLocaleString('en')} keys of deployment ${header.deployment}`;
}

function neededBy({ masterKeys }: WrittenBackup['header']): string {
  return `To restore it takes the master key ${masterKeys.join(' and ')}, which is not in it: keep it apart.`;
}

main().catch((error: unknown) => {
  terminal.problem(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
