import type { WorkerIdentity } from '#libs/deployment';

/** Who this worker is, if its supervisor says so: its id, and those of workers before it that have died. */
export function identityIn([id, ...dead]: readonly string[]): WorkerIdentity | undefined {
  return id === undefined ? undefined : { id, dead };
}
