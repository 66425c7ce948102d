import { afterEach, describe, expect, it } from '@jest/globals';
import { fork, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#libs/postgres-server';

const fixtures = join(import.meta.dirname, 'fixtures');
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'spumoni-test-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function start(dataDirectory: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDirectory, durable: false });
  cleanups.push(() => server.stop());
  return server;
}

async function query(server: EmbeddedPostgres, text: string): Promise<unknown[]> {
  const client = new pg.Client({ ...server.connection });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await pause(20);
  }
}

/** A process that has ended but not been collected counts as gone. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const serverPid = (directory: string): number =>
  Number(readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n')[0]);

describe('embedded Postgres', () => {
  it('keeps what was written from one start to the next, and its socket is private and goes with it', async () => {
    const directory = join(newDirectory(), 'postgres');
    const first = await start(directory);
    await query(first, 'create table kept (n int); insert into kept values (7)');
    await first.stop();
    await first.stop();
    expect(existsSync(first.connection.host)).toBe(false);
    const second = await start(directory);
    expect(await query(second, 'select n from kept')).toEqual([{ n: 7 }]);
    expect(await query(second, 'show listen_addresses')).toEqual([{ listen_addresses: '' }]);
  });

  it('starts in a directory with a long path, with spaces and quotes, closed to other accounts', async () => {
    const directory = join(newDirectory(), 'x'.repeat(120), `it's "quoted" $HOME`, 'postgres');
    expect(await query(await start(directory), 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('starts over a postmaster.pid whose number is dead, or belongs to another program now', async () => {
    const directory = join(newDirectory(), 'postgres');
    await (await start(directory)).stop();
    for (const pid of ['4194304', String(process.ppid), 'rubbish']) {
      writeFileSync(join(directory, 'postmaster.pid'), `${pid}\n${directory}\n1\n5432\n/tmp\n\n`, { mode: 0o600 });
      const server = await start(directory);
      expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
      await server.stop();
    }
    expect(isRunning(process.ppid)).toBe(true);
  });

  it('throws away a cluster that was only half made', async () => {
    const directory = join(newDirectory(), 'postgres');
    mkdirSync(`${directory}.new.dead/base`, { recursive: true });
    expect(await query(await start(directory), 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(readdirSync(dirname(directory))).toEqual(['postgres']);
  });

  it('says what the server said when it cannot start', async () => {
    const directory = join(newDirectory(), 'postgres');
    await (await start(directory)).stop();
    writeFileSync(join(directory, 'postgresql.conf'), 'shared_buffers = nonsense\n');
    await expect(start(directory)).rejects.toThrow(/did not|ended with code 1.*shared_buffers/s);
  });

  it('starts again on an earlier socket directory, and gives nothing away where somebody has put a link in its place', async () => {
    const directory = join(newDirectory(), 'postgres');
    const socketDirectory = join(newDirectory(), 'sockets');
    const prize = newDirectory();
    chmodSync(prize, 0o755);
    symlinkSync(prize, socketDirectory);
    const options = { dataDirectory: directory, durable: false, socketDirectory };
    await expect(startEmbeddedPostgres(options)).rejects.toThrow(/somebody else has taken the place/);
    const { mode, uid } = statSync(prize);
    expect([mode & 0o777, uid]).toEqual([0o755, process.getuid?.()]);
    expect(existsSync(join(directory, 'postmaster.pid'))).toBe(false);
    rmSync(socketDirectory);
    chmodSync(dirname(socketDirectory), 0o755);
    const server = await startEmbeddedPostgres(options);
    cleanups.push(() => server.stop());
    expect(server.connection.host).toBe(socketDirectory);
    expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('tells when the server ends by itself', async () => {
    const directory = join(newDirectory(), 'postgres');
    const server = await start(directory);
    process.kill(serverPid(directory), 'SIGKILL');
    expect(await server.ended).toMatch(/137|SIGKILL/);
    const next = await start(directory);
    expect(await query(next, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('is gone within seconds after kill -9 of its starter, and the next start at once finds everything', async () => {
    const directory = join(newDirectory(), 'postgres');
    const starter: ChildProcess = fork(join(fixtures, 'starter.mjs'), [directory], {
      execArgv: ['--conditions=source', `--import=${resolve('scripts/typescript-source.mjs')}`],
    });
    const host = await new Promise<string>((resolve, reject) => {
      starter.once('message', (message: unknown) => resolve(typeof message === 'string' ? message : ''));
      starter.once('exit', (code) => reject(new Error(`starter ended with ${String(code)}`)));
    });
    const pid = serverPid(directory);
    starter.kill('SIGKILL');
    const next = await start(directory);
    await until(() => !isRunning(pid), 'the former server ends');
    await until(() => !existsSync(host), 'its socket directory goes');
    expect(await query(next, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});
