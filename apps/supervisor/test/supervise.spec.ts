import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresUrl, startEmbeddedPostgres } from '#libs/postgres-server';
import { freePort } from '../../../test/servers/free-port.js';
import { diary, isRunning, startFixture, until, type Program } from './processes.js';

let place: string;
let data: string;
let port: number;
let programs: Program[];

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'spumoni-supervise-'));
  data = join(place, 'data');
  port = await freePort();
  programs = [];
});

afterEach(async () => {
  for (const { pid, exit } of programs) {
    if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    await exit;
  }
  await until(() => everyPid().every((pid) => !isRunning(pid)), 'all that was started is gone');
  rmSync(place, { recursive: true, force: true });
});

function start(settings: Record<string, string> = {}): Program {
  const basics = { SPUMONI_API_PROCESSES: '1', SPUMONI_DATA_DIR: data, SPUMONI_API_PORT: String(port) };
  const program = startFixture('supervise.mjs', [], { ...basics, ...settings });
  programs.push(program);
  return program;
}

async function running(program: Program): Promise<Program> {
  await until(() => program.printed().includes('Ctrl-C stops it') || !isRunning(program.pid), 'Spumoni runs');
  if (!isRunning(program.pid)) throw new Error(program.printed());
  return program;
}

function postgresPid(): number | undefined {
  try {
    return Number(readFileSync(join(data, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    // No server has written the file, or the last one has just removed it.
    return undefined;
  }
}

function everyPid(): number[] {
  const postgres = postgresPid();
  return [...diary(data).map(({ pid }) => pid), ...(postgres === undefined ? [] : [postgres])];
}

const deeds = (...whats: string[]): string[] =>
  diary(data).flatMap(({ who, what }) => (whats.includes(what) ? [`${who} ${what}`] : []));

const ask = async (path = '/'): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text();

describe('npm start', () => {
  it('starts everything, says where Swagger UI is, and shows the administrator once, on the first start alone', async () => {
    const first = await running(start());
    // What is printed last may come in a piece of its own.
    const address = new RegExp(`Swagger UI +http://127.0.0.1:${port}/docs`);
    await until(() => address.test(first.printed()), 'the address of Swagger UI is printed');
    expect(first.printed().split('SHOWNONCE')).toHaveLength(2);
    expect(first.printed()).toContain('shown-once-secret');
    await until(() => deeds('told-that-shown').length === 1, 'the API hears that the keys were shown');
    first.child.kill('SIGTERM');
    expect(await first.exit).toBe(0);
    const second = await running(start());
    expect(second.printed()).not.toContain('SHOWNONCE');
    expect(deeds('start-number-2')).toHaveLength(1);
  });

  it('stops in order at a Ctrl-C that arrives twice, everywhere at once', async () => {
    const program = await running(start());
    const postgres = postgresPid() ?? 0;
    // A terminal signals the whole group, and npm passes the signal on once more.
    process.kill(-program.pid, 'SIGINT');
    program.child.kill('SIGINT');
    expect(await program.exit).toBe(0);
    expect(deeds('stopping')).toEqual(['api stopping', 'worker stopping']);
    const order = ['The API has stopped', 'The worker has stopped', 'Everything has stopped'];
    const places = order.map((line) => program.printed().indexOf(line));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(program.printed().split('Stopping …')).toHaveLength(2);
    expect([postgres, ...everyPid()].filter(isRunning)).toEqual([]);
  });

  it('takes everything with it when killed, and the next start at once finds all as it was', async () => {
    const program = await running(start());
    const pids = everyPid();
    expect(pids.filter(isRunning).length).toBeGreaterThanOrEqual(3);
    process.kill(program.pid, 'SIGKILL');
    const next = await running(start());
    await until(() => !pids.some(isRunning), 'Postgres, the API and the worker are gone');
    expect(deeds('start-number-2')).toHaveLength(1);
    expect(next.printed()).not.toContain('SHOWNONCE');
  });

  it('refuses a second start on the same data and says who has it', async () => {
    const program = await running(start());
    const second = start({ SPUMONI_API_PORT: String(await freePort()) });
    expect(await second.exit).toBe(1);
    expect(second.printed()).toMatch(
      new RegExp(`${data} is in use by process ${program.pid}, running since .*SPUMONI_DATA_DIR`),
    );
    expect(await ask()).toMatch(/^\d+$/);
  });

  it('starts a crashed API again', async () => {
    const program = await running(start());
    const before = await ask('/crash');
    await until(() => program.printed().includes('is ready again'), 'the API is back');
    expect(program.printed()).toContain('The API crashed (it ended with code 3); starting it again at once');
    expect(await ask()).not.toBe(before);
  });

  it('runs several API processes on one port', async () => {
    await running(start({ SPUMONI_API_PROCESSES: '3' }));
    const seen = new Set<string>();
    for (let count = 0; count < 30; count += 1) seen.add(await ask());
    expect(seen.size).toBe(3);
  });

  it('gives up with the reason, and leaves nothing running, when a part cannot start', async () => {
    const program = start({ FIXTURE_REASON: 'port 1 is taken' });
    expect(await program.exit).toBe(1);
    expect(program.printed()).toContain('The API could not start: port 1 is taken');
    expect(everyPid().filter(isRunning)).toEqual([]);
  });

  it('starts Postgres again where its programs know it when it is lost, as often as it is, and takes it along at the end', async () => {
    const program = await running(start());
    for (let times = 1; times <= 3; times += 1) {
      await until(() => (postgresPid() ?? 0) > 0, 'Postgres runs');
      const lost = postgresPid() ?? 0;
      process.kill(lost, 'SIGKILL');
      await until(() => program.printed().split('Postgres is ready again').length === times + 1, 'Postgres is back');
      expect(postgresPid()).not.toBe(lost);
    }
    const asked = deeds('start-number-1', 'start-number-2').length;
    await ask('/crash');
    await until(() => deeds('start-number-1', 'start-number-2').length === asked + 1, 'the API finds Postgres again');
    const last = postgresPid() ?? 0;
    program.child.kill('SIGINT');
    expect(await program.exit).toBe(0);
    expect(deeds('stopping')).toEqual(['api stopping', 'worker stopping']);
    expect(isRunning(last)).toBe(false);
  });

  it('stops at a signal in the middle of its first start, and the next start works', async () => {
    const program = start();
    await until(
      // `postgres.new…`, or `postgres` where this process did not get to look in time.
      () => existsSync(data) && readdirSync(data).some((name) => name.startsWith('postgres')),
      'the cluster is being made',
    );
    program.child.kill('SIGINT');
    expect(await program.exit).toBe(0);
    await running(start());
  });

  it('works in a data directory with a long path', async () => {
    data = join(place, 'long-'.repeat(30), 'a b', 'data');
    const program = await running(start());
    const second = start();
    expect(await second.exit).toBe(1);
    expect(second.printed()).toContain(`in use by process ${program.pid}`);
  });

  it('starts over a stale postmaster.pid whose number belongs to another program now', async () => {
    const first = await running(start());
    first.child.kill('SIGINT');
    await first.exit;
    writeFileSync(join(data, 'postgres', 'postmaster.pid'), `${process.pid}\n${data}\n1\n5432\n/tmp\n\n`);
    await running(start());
  });

  it('lists every wrong setting and ends, having made nothing', async () => {
    const program = startFixture('main.mjs', [], {
      SPUMONI_DATA_DIR: data,
      SPUMONI_API_PORT: 'eighty',
      SPUMONI_LOG_LEVEL: 'loud',
    });
    expect(await program.exit).toBe(1);
    expect(program.printed()).toMatch(/These settings are wrong:\n +SPUMONI_API_PORT: .*\n +SPUMONI_LOG_LEVEL: /);
    expect(existsSync(data)).toBe(false);
  });

  it('says so when the data directory cannot be one', async () => {
    writeFileSync(data, 'a file');
    const program = startFixture('main.mjs', [], { SPUMONI_DATA_DIR: data });
    expect(await program.exit).toBe(1);
    expect(program.printed()).toContain(`SPUMONI_DATA_DIR: ${data} cannot be used`);
  });

  it('keeps the root keys from the worker, which has no need of them', async () => {
    await running(start({ SPUMONI_ROOT_ACCESS_KEY: 'root', SPUMONI_ROOT_SECRET_KEY: 'root-secret' }));
    expect(deeds('has-root-keys')).toEqual(['api has-root-keys']);
  });

  it('uses an outside Postgres instead of its own', async () => {
    const outside = await startEmbeddedPostgres({ dataDirectory: join(place, 'outside'), durable: false });
    try {
      const program = await running(start({ SPUMONI_POSTGRES_URL: postgresUrl(outside.connection) }));
      expect(existsSync(join(data, 'postgres'))).toBe(false);
      expect(deeds('start-number-1')).toHaveLength(1);
      program.child.kill('SIGINT');
      expect(await program.exit).toBe(0);
    } finally {
      await outside.stop();
    }
  });
});
