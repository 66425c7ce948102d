import * as fs from 'node:fs';

/** The kernel's own count of this thread: nanoseconds on a core, nanoseconds ready but waiting for one, turns (Linux, Documentation/scheduler/sched-stats.rst). */
const COUNT = '/proc/thread-self/schedstat';
const LONGEST = 96;

/**
 * Tells how long this thread has been ready to run and had to wait for a core, in milliseconds since it began; undefined where the system does not count it. What a call took beyond that it worked or
 * slept itself. Costs some 1.3 µs.
 */
export class ThreadQueue {
  private readonly buffer = Buffer.allocUnsafe(LONGEST);
  /** Of the thread that opened it, for as long as that lives. */
  private fd: number | undefined | null = null;

  waitedMs(): number | undefined {
    try {
      if (this.fd === null) this.fd = openCount();
      if (this.fd === undefined) return undefined;
      const length = fs.readSync(this.fd, this.buffer, 0, LONGEST, 0);
      const [ran, waited] = this.buffer.toString('latin1', 0, length).split(' ').map(Number);
      // A kernel that does not count says 0.
      return ran === undefined || waited === undefined || !(ran > 0) ? undefined : waited / 1e6;
    } catch {
      this.fd = undefined; // Not to be known, which is an answer.
      return undefined;
    }
  }
}

/** One for whoever asks in this thread, as each has modules of its own: a descriptor that stays open. */
export const threadQueue = new ThreadQueue();

function openCount(): number | undefined {
  return process.platform === 'linux' ? fs.openSync(COUNT, fs.constants.O_RDONLY) : undefined;
}
