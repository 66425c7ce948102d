import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#libs/objects';

/** Waits for its turn, without keeping the process alive. */
async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, { ref: false, ...(signal ? { signal } : {}) });
}

/**
 * Ticks until stopped; the next pause begins when a tick has ended. A tick tells its own failures: one that throws all the same is told to `onFailure`.
 * A bare timer: each write begins and stops one, and a pause that is ended by a signal makes an error with a stack.
 */
function every(ms: number, tick: () => Promise<void>, onFailure: (error: unknown) => void): () => void {
  let stopped = false;
  const pause = (): NodeJS.Timeout => setTimeout(() => void turn(), ms).unref();
  const turn = async (): Promise<void> => {
    await tick().catch(onFailure);
    if (!stopped) timer = pause();
  };
  let timer = pause();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** The system's time. Its timers never keep a process alive; `onFailure` hears of ticks that threw. */
export function systemClock(onFailure: (error: unknown) => void): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: wait,
    every: (ms, tick) => every(ms, tick, onFailure),
  };
}
