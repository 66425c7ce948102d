import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataDirectoryHeldError, lockDataDirectory } from '../src/data-directory-lock.js';
import { isRunning, startFixture, until, type Program } from './processes.js';

let directory: string;
let programs: Program[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spumoni-lock-'));
  programs = [];
});

afterEach(async () => {
  for (const program of programs) await kill(program);
  rmSync(directory, { recursive: true, force: true });
});

async function kill({ pid, exit }: Program): Promise<void> {
  if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  await exit;
}

function contend(count: number): Program[] {
  const started = Array.from({ length: count }, () => startFixture('hold-lock.mjs', [directory]));
  programs.push(...started);
  return started;
}

const holders = (among: Program[]): Program[] => among.filter((program) => program.printed().startsWith('held'));

describe('lock of the data directory', () => {
  it('goes to exactly one of several that ask at once, again and again after kill -9', async () => {
    for (let round = 0; round < 4; round += 1) {
      const contenders = contend(4);
      await until(() => contenders.every((program) => program.printed() !== ''), 'all have an answer');
      const [holder, ...more] = holders(contenders);
      expect(more).toEqual([]);
      for (const other of contenders.filter((program) => program !== holder))
        expect(other.printed()).toContain(`in use by process ${holder?.pid}`);
      if (holder !== undefined) await kill(holder);
    }
  });

  it('is refused while held here, and free after its release, which leaves nothing behind', async () => {
    const lock = await lockDataDirectory(directory);
    await expect(lockDataDirectory(directory)).rejects.toThrow(DataDirectoryHeldError);
    lock.release();
    lock.release();
    (await lockDataDirectory(directory)).release();
    expect(readdirSync(join(directory, 'lock'))).toEqual([]);
  });

  it('holds while its holder is stopped and cannot answer', async () => {
    const [holder] = contend(1);
    if (holder === undefined) throw new Error('no holder');
    await until(() => holder.printed() !== '', 'held');
    process.kill(holder.pid, 'SIGSTOP');
    await expect(lockDataDirectory(directory, 500)).rejects.toThrow(/in use by another process/);
  });

  it('is not refused for one that withdraws while it is being called', async () => {
    mkdirSync(join(directory, 'lock'));
    const name = join(directory, 'lock', 'withdrawing');
    const withdrawing = createServer((socket) => {
      withdrawing.close();
      rmSync(name, { force: true });
      socket.destroy();
    }).listen(name);
    await once(withdrawing, 'listening');
    (await lockDataDirectory(directory)).release();
  });
});
