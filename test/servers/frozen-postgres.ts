import { readFileSync } from 'node:fs';

/** Stops every process of a Postgres where it is, as a machine that hangs does: connections stay, and can be made, and nothing is answered. `thaw` lets all go on. */
export class FrozenPostgres {
  readonly #pids: readonly number[];

  /** `dataDirectory` is the server's own. */
  constructor(dataDirectory: string) {
    const [first = ''] = readFileSync(`${dataDirectory}/postmaster.pid`, 'utf8').split('\n');
    const postmaster = Number(first);
    // It first: from then on it makes no further ones.
    process.kill(postmaster, 'SIGSTOP');
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8');
    this.#pids = [postmaster, ...children.split(' ').filter(Boolean).map(Number)];
    this.#send('SIGSTOP');
  }

  thaw(): void {
    this.#send('SIGCONT');
  }

  #send(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const pid of this.#pids) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        // It had ended by itself.
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    }
  }
}
