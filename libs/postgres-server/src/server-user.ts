import { spawnSync } from 'node:child_process';

/** The account Postgres runs under; absent ids mean "as ourselves". */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

function idOf(flag: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
  return status === 0 ? Number(stdout.trim()) : undefined;
}

/**
 * Whom to run Postgres as: ourselves, or if we are root (which Postgres refuses) the machine's `postgres`, else `nobody`.
 * Throws if root finds neither.
 */
export function findServerUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error(
    'Postgres does not run as root, and this machine has neither a user "postgres" nor a user "nobody" to run it as',
  );
}
