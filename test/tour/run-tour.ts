import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { difference } from './expectation.js';
import { parseTour, type TourStep } from './tour-page.js';
import { TourShell, type CommandResult } from './tour-shell.js';

const REPOSITORY = resolve(import.meta.dirname, '../..');

/** What npm looks for where it is run, and what its scripts name. */
const CHECKOUT = ['package.json', 'package-lock.json', 'node_modules', 'scripts', 'dist'];

export interface Tour {
  /** Path in the repository. */
  readonly page: string;
  /** Where Spumoni is, and the administrator's `access key:secret key`. */
  readonly url: string;
  readonly keys: string;
  /** Where that Spumoni keeps its data, for pages whose commands look there; what `SPUMONI_DATA_DIR` says if absent. */
  readonly dataDirectory?: string;
  /** Environment of the servers that stand for clouds; with it the parts of the page that need them run too. */
  readonly servers?: Readonly<Record<string, string>>;
  /** Told of every step after it ran. */
  readonly onStep?: (step: TourStep, result: CommandResult) => void;
}

/** Runs the commands of a page in order, in an empty directory of their own, and compares each output with what the page shows. Fails at the first that differs, naming its line. Resolves with how many ran. */
export async function runTour(tour: Tour): Promise<number> {
  const steps = parseTour(await readFile(join(REPOSITORY, tour.page), 'utf8'));
  const due = steps.filter(({ onServers }) => !onServers || tour.servers !== undefined);
  const directory = await mkdtemp(join(tmpdir(), 'spumoni-tour-'));
  const data = tour.dataDirectory === undefined ? {} : { SPUMONI_DATA_DIR: tour.dataDirectory };
  const shell = new TourShell(directory, { SPUMONI: tour.url, KEYS: tour.keys, ...data, ...tour.servers });
  try {
    // The package's own commands are run where it is, as far as they can tell.
    if (due.some(({ command }) => command.includes('npm run')))
      for (const name of CHECKOUT) await symlink(join(REPOSITORY, name), join(directory, name));
    for (const step of due) {
      const result = await shell.run(step.command);
      tour.onStep?.(step, result);
      const problem =
        result.code === 0 ? difference(step.expected, result.output) : `exit code ${result.code}\n${result.output}`;
      if (problem !== undefined) throw new Error(`${tour.page}:${step.line}: ${problem}\n\n${step.command}`);
    }
    return due.length;
  } finally {
    shell.close();
    await rm(directory, { recursive: true, force: true });
  }
}
