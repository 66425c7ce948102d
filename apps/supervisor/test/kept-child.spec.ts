import { describe, expect, it } from '@jest/globals';
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { BackOff } from '../src/back-off.js';
import { KeptChild } from '../src/kept-child.js';

describe('a kept child', () => {
  it('that does not hear is killed at its deadline', async () => {
    const events: string[] = [];
    const child = new KeptChild({
      name: 'deaf',
      spawn: () => fork(join(import.meta.dirname, 'fixtures', 'deaf.mjs'), [], { execArgv: [] }),
      startTimeoutMs: 90_000,
      onAdministrator: () => undefined,
      onEvent: (event) => events.push(event),
    });
    await child.start();
    await Promise.all([child.stop(100), child.stop(100)]);
    expect(events).toContain('did not stop within 0.1 s and was killed');
    await expect(child.start()).rejects.toThrow('everything is stopping');
  });

  it('that is started again and never gets ready is killed, and started once more', async () => {
    const events: string[] = [];
    const roles = ['serving', 'silent', 'serving'];
    const ready = Promise.withResolvers<undefined>();
    const children: ChildProcess[] = [];
    const child = new KeptChild({
      name: 'sleepy',
      spawn: () => {
        const program = join(import.meta.dirname, 'fixtures', 'sleepy.mjs');
        const spawned = fork(program, [roles.shift() ?? 'serving'], { execArgv: [] });
        children.push(spawned);
        return spawned;
      },
      // Those that serve have all the time there is, also on a machine that stands still for a while.
      get startTimeoutMs() {
        return roles[0] === 'silent' ? 200 : 90_000;
      },
      onAdministrator: () => undefined,
      onEvent: (event) => {
        events.push(event);
        if (event === 'is ready again') ready.resolve(undefined);
      },
    });
    await child.start();
    children[0]?.kill('SIGKILL');
    await ready.promise;
    await child.stop(10);
    expect(events.slice(0, 4)).toEqual([
      'crashed (it was ended by SIGKILL); starting it again at once',
      'was not ready again after 0.2 s and was killed',
      'crashed (it was ended by SIGKILL); starting it again in 0.5 s',
      'is ready again',
    ]);
  });

  it('that is killed before it was ever ready is begun again, and its start succeeds', async () => {
    const events: string[] = [];
    const roles = ['silent', 'silent', 'serving'];
    const child = new KeptChild({
      name: 'sleepy',
      spawn: () => {
        const role = roles.shift() ?? 'serving';
        const spawned = fork(join(import.meta.dirname, 'fixtures', 'sleepy.mjs'), [role], { execArgv: [] });
        if (role === 'silent') spawned.on('spawn', () => spawned.kill('SIGKILL'));
        return spawned;
      },
      startTimeoutMs: 90_000,
      onAdministrator: () => undefined,
      onEvent: (event) => events.push(event),
    });
    await child.start();
    await child.stop(10);
    expect(events.slice(0, 2)).toEqual([
      'crashed (it was ended by SIGKILL); starting it again at once',
      'crashed (it was ended by SIGKILL); starting it again in 0.5 s',
    ]);
  });

  it('that is killed at every start fails its start; one that waits for its next start can be stopped', async () => {
    const killed = (onEvent: (event: string) => void): KeptChild =>
      new KeptChild({
        name: 'sleepy',
        spawn: () => {
          const spawned = fork(join(import.meta.dirname, 'fixtures', 'sleepy.mjs'), ['silent'], { execArgv: [] });
          spawned.on('spawn', () => spawned.kill('SIGKILL'));
          return spawned;
        },
        startTimeoutMs: 90_000,
        onAdministrator: () => undefined,
        onEvent,
      });
    await expect(killed(() => undefined).start()).rejects.toThrow('sleepy could not start: it was ended by SIGKILL');
    const child: KeptChild = killed((event) => {
      if (event.includes('in 1 s')) setImmediate(() => void child.stop(10));
    });
    await expect(child.start()).rejects.toThrow('everything is stopping');
  });

  it('is started again at once, then ever later up to half a minute, and at once again after a minute of health', () => {
    const backOff = new BackOff();
    const pauses = Array.from({ length: 9 }, () => backOff.next(10));
    expect(pauses).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(backOff.next(60_000)).toBe(0);
    expect(backOff.next(10)).toBe(500);
  });
});
