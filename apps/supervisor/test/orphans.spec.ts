import { describe, expect, it } from '@jest/globals';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const FIXTURE = join(import.meta.dirname, 'fixtures', 'orphan.mjs');
const APPS = join(import.meta.dirname, '..', '..');

describe('a process that has lost its supervisor', () => {
  const programs = ['worker/src/supervision.ts', 'api/src/operations/supervision.ts'];

  it.each(
    programs.flatMap((program) => [
      ['stop', program],
      ['exit', program],
    ]),
  )('does not stay where its orderly %s hangs (%s)', async (hangs, program) => {
    const child = fork(FIXTURE, [join(APPS, program), hangs], { execArgv: [] });
    await once(child, 'message');
    const ended = once(child, 'exit');
    child.disconnect();
    expect(await ended).toEqual([null, 'SIGKILL']);
  });
});
