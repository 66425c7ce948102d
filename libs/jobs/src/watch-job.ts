import { setTimeout as delay } from 'node:timers/promises';
import { isSettled, type JobRecord, type JobStore } from '#libs/metadata';

/** How often a watched job's row is read. */
export const WATCH_INTERVAL_MS = 500;

export interface WatchOptions {
  /** Ends the watch; no error. */
  readonly signal: AbortSignal;
  /** Waits, or rejects when the signal is aborted; injected by tests. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** What a watcher would see; heartbeats alone are no news. */
function appearance(job: JobRecord): string {
  const { state, wish, progress, failures, error } = job;
  return JSON.stringify({ state, wish, progress, failures: failures.length, error });
}

/**
 * The job as it is now, then again at each change, seen within half a second; ends after its last state. Fails with `not-found` if there is no such job, and
 * with `unavailable` during an outage: whoever streams it tells the client to come again.
 */
export async function* watchJob(
  jobs: Pick<JobStore, 'get'>,
  id: string,
  { signal, wait = (ms, until) => delay(ms, undefined, { signal: until }) }: WatchOptions,
): AsyncGenerator<JobRecord, void, undefined> {
  const ended = (): boolean => signal.aborted;
  let seen: string | undefined;
  while (!ended()) {
    const job = await jobs.get(id);
    const now = appearance(job);
    if (now !== seen) yield job;
    seen = now;
    if (isSettled(job.state)) return;
    try {
      await wait(WATCH_INTERVAL_MS, signal);
    } catch (error) {
      if (!ended()) throw error;
    }
  }
}
