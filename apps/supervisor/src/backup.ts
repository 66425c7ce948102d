import { stat } from 'node:fs/promises';
import { backUp, checkBackup, type BackupKeys, type WrittenBackup } from '#libs/backup';
import { masterKeysAtHand } from '#libs/deployment';
import { readSettings } from '#libs/settings';
import { commandIn } from './maintenance/command-line.js';
import { mebibytes, ProgressLine } from './maintenance/progress-line.js';
import { withStoresToRead } from './maintenance/stores.js';
import { terminal } from './terminal.js';

const USAGE =
  'usage: npm run backup -- --to FILE   (with the settings of the service, which may run meanwhile)\n       npm run backup -- --check FILE [--unsigned]   (with the master key, as the service has it; --unsigned: by its checksum alone)';

const NO_KEYS: BackupKeys = { ids: [], find: () => undefined, where: 'no place' };

/** What `npm run backup` runs: all metadata into one file; or a look at one that is there. Exit code 1, with a reason, if it could not be written, or is no whole backup. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const line = new ProgressLine();
  const onProgress = line.tell.bind(line);
  if (args.some((arg) => arg.startsWith('--check'))) {
    const { file, unsigned } = commandIn(args, 'check', USAGE);
    const keys = unsigned ? NO_KEYS : await masterKeysAtHand(readSettings(process.env));
    const { header, counts, signedBy } = await checkBackup(file, { keys, unsigned }, onProgress);
    terminal.say(`${file} (${await sizeOf(file)}) is whole: ${whatIsIn({ header, counts })}.`);
    terminal.say(
      signedBy === undefined
        ? 'Whether it was changed on purpose was not looked at (--unsigned).'
        : `It is as it was written: the master key ${signedBy} has signed it.`,
    );
    terminal.say(`It was made at ${new Date(header.createdAt).toISOString()}. ${neededBy(header)}`);
    return;
  }
  const { file: to } = commandIn(args, 'to', USAGE);
  const settings = readSettings(process.env);
  const keys = await masterKeysAtHand(settings);
  const written = await withStoresToRead(settings, (stores) =>
    backUp({ ...stores, to, keys, now: () => Date.now(), onProgress }),
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
