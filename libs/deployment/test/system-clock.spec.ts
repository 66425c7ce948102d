import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../src/runtime/system-clock.js';

/** Resolves when it has ticked so often. */
function ticks(clock: ReturnType<typeof systemClock>, times: number): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    const stop = clock.every(1, () => {
      count += 1;
      if (count === times) {
        stop();
        resolve();
      }
      return Promise.resolve();
    });
  });
}

describe('what the system clock does every so often', () => {
  it('goes on until it is stopped, also from within, and also while a tick is under way', async () => {
    const clock = systemClock(() => undefined);
    const held = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<undefined>();
    let count = 0;
    const stop = clock.every(1, () => {
      count += 1;
      begun.resolve(undefined);
      return held.promise;
    });
    await begun.promise;
    // The next pause begins when the tick has ended.
    await ticks(clock, 3);
    expect(count).toBe(1);
    stop();
    held.resolve(undefined);
    await ticks(clock, 3);
    expect(count).toBe(1);
  });

  it('goes on after a tick that failed, and tells of it', async () => {
    const failures: unknown[] = [];
    const clock = systemClock((error) => failures.push(error));
    const failure = new Error('this once');
    let count = 0;
    await new Promise<void>((resolve) => {
      const stop = clock.every(1, () => {
        count += 1;
        if (count === 1) return Promise.reject(failure);
        stop();
        resolve();
        return Promise.resolve();
      });
    });
    expect(failures).toEqual([failure]);
  });

  it('never begins where it was stopped before', async () => {
    const clock = systemClock(() => undefined);
    let count = 0;
    clock.every(1, () => {
      count += 1;
      return Promise.resolve();
    })();
    await ticks(clock, 3);
    expect(count).toBe(0);
  });
});
