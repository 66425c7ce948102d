import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';

/** So many dead are told of: one that died before it could give back what its predecessors held leaves them to the next. */
const TOLD = 16;

/**
 * The workers of one supervisor, one after another. Each is told who it is, and which before it are dead, so that it need not wait for their heartbeats to grow old. Dead is only whose end was seen.
 */
export class LineOfWorkers {
  #workers: readonly { readonly id: string; readonly process: ChildProcess }[] = [];

  /** Starts the next; `spawn` is given its arguments. */
  start(spawn: (args: readonly string[]) => ChildProcess): ChildProcess {
    const id = `supervised-${randomUUID()}`;
    const dead = this.#workers.filter(({ process }) => hasEnded(process)).map((worker) => worker.id);
    const process = spawn([id, ...dead]);
    this.#workers = [...this.#workers, { id, process }].slice(-TOLD);
    return process;
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
