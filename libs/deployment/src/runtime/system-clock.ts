import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#libs/objects';

/** Waits for its turn, without keeping the process alive. */
async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, { ref: false, ...(signal ? { signal } : {}) });
}

/** Ticks until stopped; the next pause begins when a tick has ended. A tick tells its own failures: one that throws all the same is told to `onFailure`. */
function every(ms: number, tick: () => Promise<void>, onFailure: (error: unknown) => void): () => void {
  const stop = new AbortController();
  const turn = async (): Promise<void> => {
    for (;;) {
      await wait(ms, stop.signal);
      await tick().catch(onFailure);
    }
  };
  // It ends by being stopped, and in no other way.
  turn().catch((error: unknown) => {
    if (!stop.signal.aborted) onFailure(error);
  });
  return () => stop.abort();
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
