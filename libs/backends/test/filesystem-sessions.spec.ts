import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IdSource, newSessionId, sliceOf } from '../src/filesystem/ids.js';
import { openFilesystem } from '../src/filesystem/index.js';
import type { FilesystemTools } from '../src/filesystem/place.js';
import { hasEnded, lifeOf, ownIdentity, parseStat } from '../src/filesystem/process-identity.js';
import { failure, PLAIN } from './conformance/stage.js';
import { Writer } from './filesystem-writer.js';

const CALL = { requestId: 'sessions' };
const container = 'spumoni-sessions';
const MINUTE = 60_000;

type Backend = ReturnType<typeof openFilesystem>;

describe('sessions of the filesystem backend', () => {
  let path: string;
  let now: number;
  let ticks: (() => void)[];
  let backend: Backend;

  function open(tools: FilesystemTools = {}): Backend {
    const clock = { now: () => now, every: (_ms: number, action: () => void) => (ticks.push(action), () => undefined) };
    const definition = { name: 'disk', type: 'filesystem', credentials: {}, options: { path } } as const;
    return openFilesystem(definition, { clock, rotateMs: 10 * MINUTE, ...tools });
  }
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'spumoni-sessions-'));
    now = Date.now();
    ticks = [];
    backend = open();
    await backend.createContainer(CALL, { container });
  });
  afterEach(async () => {
    await backend.close();
    await rm(path, { recursive: true });
  });

  async function put(key: string, of = backend, into = container): Promise<string> {
    const body = Buffer.from(key);
    return (await of.put(CALL, { container: into, key, body, attributes: PLAIN })).token;
  }
  async function sessions(): Promise<string[]> {
    return (await readdir(join(path, '.spumoni', 'sessions'))).sort();
  }
  async function unsettled(into = container): Promise<string[]> {
    const keys: string[] = [];
    for await (const { ref } of backend.freshIds.unsettled(CALL, into)) keys.push(ref.key);
    return keys.sort();
  }
  function fileOf(token: string): string {
    const { period, slice } = sliceOf(token);
    return join(path, container, period, slice, token);
  }

  it('are opened by the first write, one for all of them, and closed once all is settled', async () => {
    const tokens = await Promise.all(['a', 'b', 'c'].map((key) => put(key)));
    expect(await sessions()).toHaveLength(1);
    expect(ticks).toHaveLength(1);
    for (const token of tokens) backend.freshIds.settle({ container, key: '', token });
    await backend.close();
    expect(await sessions()).toEqual([]);
  });

  it('tell of every write, of damaged ones too, and not of those that never finished', async () => {
    const [body, all, good] = [await put('body'), await put('all'), await put('good')];
    const bytes = await readFile(fileOf(body));
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await writeFile(fileOf(body), bytes);
    await truncate(fileOf(all), 10);
    const found: unknown[] = [];
    for await (const write of backend.freshIds.everyWrite(CALL, container))
      found.push('damaged' in write ? write : write.ref.token);
    expect(new Set(found)).toEqual(new Set([{ damaged: body, key: 'body' }, { damaged: all }, good]));
  });

  it('stay after a close while a write is unsettled', async () => {
    await put('a');
    await backend.close();
    expect(await sessions()).toHaveLength(1);
  });

  it('give way to new ones, and are forgotten when the last of their writes is settled or deleted', async () => {
    const [first, second] = [await put('a'), await put('b')];
    now += 10 * MINUTE;
    await backend.rotateSessions();
    await put('c');
    expect(await sessions()).toHaveLength(2);
    backend.freshIds.settle({ container, key: 'a', token: first });
    await backend.rotateSessions();
    expect(await sessions()).toHaveLength(2);
    await backend.delete(CALL, { container, key: 'b', token: second });
    await backend.rotateSessions();
    expect(await sessions()).toHaveLength(1);
  });

  it('of an idle process end without a new one', async () => {
    backend.freshIds.settle({ container, key: 'a', token: await put('a') });
    now += 10 * MINUTE;
    await backend.rotateSessions();
    expect(await sessions()).toEqual([]);
    await put('b');
    expect(await sessions()).toHaveLength(1);
  });

  it('are each said to live, though the file of another has gone', async () => {
    await put('a');
    const [gone = ''] = await sessions();
    now += 10 * MINUTE;
    await backend.rotateSessions();
    await put('b');
    const [kept = ''] = (await sessions()).filter((name) => name !== gone);
    await rm(join(path, '.spumoni', 'sessions', gone));
    now += 5 * MINUTE;
    await expect(backend.rotateSessions()).rejects.toMatchObject({ code: 'ENOENT' });
    const { mtimeMs } = await stat(join(path, '.spumoni', 'sessions', kept));
    expect(Math.round(mtimeMs)).toBe(now);
    await writeFile(join(path, '.spumoni', 'sessions', gone), '{}');
  });

  it('have ids of their own, however many are made in one millisecond', () => {
    const made = Array.from({ length: 10_000 }, () => newSessionId());
    expect(new Set(made).size).toBe(made.length);
  });

  it('never give an id after their end, though nothing rotates them', async () => {
    const first = await put('a');
    now += 20 * MINUTE;
    const second = await put('b');
    expect(second.slice(14)).not.toBe(first.slice(14));
    expect(await sessions()).toHaveLength(2);
  });

  it('fail a write where the disk takes longer to open one than it may last', async () => {
    const path = await mkdtemp(join(tmpdir(), 'spumoni-slow-'));
    const clock = { now: () => (now += 5), every: () => () => undefined };
    const definition = { name: 'slow', type: 'filesystem', credentials: {}, options: { path } } as const;
    const slow = openFilesystem(definition, { clock, rotateMs: 1 });
    await slow.createContainer(CALL, { container });
    await expect(put('a', slow)).rejects.toThrow(/storing an object failed/);
    await slow.close();
    await rm(path, { recursive: true });
  });

  it('have nothing pending from a write that failed', async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(100_000);
      throw new Error('the client vanished');
    }
    await failure(backend.put(CALL, { container, key: 'k', body: body(), attributes: PLAIN }), 'invalid');
    await failure(
      backend.put(CALL, { container, key: 'k', body: Buffer.from('k'), size: 9, attributes: PLAIN }),
      'invalid',
    );
    await failure(put('k', backend, 'spumoni-absent'), 'not-found');
    await backend.close();
    expect(await sessions()).toEqual([]);
  });

  it('of a dead process give its writes of all containers, torn ones removed, until each container was examined', async () => {
    const other = 'spumoni-other';
    await backend.createContainer(CALL, { container: other });
    const writer = await Writer.start(path, container);
    const torn = await writer.tell({ do: 'put', key: 'torn', size: 100 });
    await writer.tell({ do: 'put', key: 'left', size: 100 });
    await writer.tell({ do: 'put', key: 'big', size: 300_000 });
    await writer.tell({ do: 'hang', key: 'hangs' });
    expect(await unsettled()).toEqual([]);
    await writer.kill();
    await truncate(fileOf(torn), 50);
    const [session = ''] = await sessions();
    // What the same process wrote elsewhere: the file of one container, moved to another.
    const elsewhere = join(path, other, ...Object.values(sliceOf(torn)));
    await mkdir(elsewhere, { recursive: true });
    await writeFile(join(elsewhere, torn), '');
    expect(await unsettled()).toEqual(['big', 'left']);
    const { entries } = await backend.list(CALL, { container, include: 'everything', limit: 9 });
    expect(entries.map(({ key }) => key)).toEqual(['big', 'left']);
    await backend.freshIds.examined(CALL, container);
    expect(await sessions()).toContain(session);
    expect(await unsettled()).toEqual([]);
    expect(await unsettled(other)).toEqual([]);
    await backend.freshIds.examined(CALL, other);
    expect(await sessions()).toEqual([]);
  }, 60_000);

  it('may be examined by two at once', async () => {
    const other = 'spumoni-other';
    await backend.createContainer(CALL, { container: other });
    const writer = await Writer.start(path, container);
    const token = await writer.tell({ do: 'put', key: 'left', size: 100 });
    await writer.kill();
    // A file of the session elsewhere keeps the session, and so the marks, after the first has examined this container.
    const elsewhere = join(path, other, ...Object.values(sliceOf(token)));
    await mkdir(elsewhere, { recursive: true });
    await writeFile(join(elsewhere, token), '');
    const second = open();
    for await (const { ref } of second.freshIds.unsettled(CALL, container)) expect(ref.key).toBe('left');
    expect(await unsettled()).toEqual(['left']);
    await backend.freshIds.examined(CALL, container);
    await second.freshIds.examined(CALL, container);
    expect(await unsettled()).toEqual([]);
    await second.close();
  }, 60_000);

  it('of a long-lived process leave only what is recent or unsettled to be looked at', async () => {
    const writer = await Writer.start(path, container);
    await writer.tell({ do: 'put', key: 'old-settled', size: 10, settle: true });
    await writer.tell({ do: 'rotate' });
    await writer.tell({ do: 'put', key: 'recent', size: 10 });
    await writer.kill();
    expect(await unsettled()).toEqual(['recent']);
  }, 60_000);

  it('are not forgotten by an examination that looked at nothing, or stopped early', async () => {
    const writer = await Writer.start(path, container);
    await writer.tell({ do: 'put', key: 'left', size: 10 });
    await writer.tell({ do: 'put', key: 'left-too', size: 10 });
    await writer.kill();
    await backend.freshIds.examined(CALL, container);
    for await (const { ref } of backend.freshIds.unsettled(CALL, container)) if (ref.key !== '') break;
    await backend.freshIds.examined(CALL, container);
    expect(await unsettled()).toEqual(['left', 'left-too']);
  }, 60_000);

  it('of a process that cannot be seen count as dead after a long silence alone', async () => {
    const identity = async () => ({ ...(await ownIdentity()), host: 'elsewhere' });
    const far = open({ identity });
    await put('far', far);
    expect(await unsettled()).toEqual([]);
    const [file = ''] = await sessions();
    now += 23 * 60 * MINUTE;
    expect(await unsettled()).toEqual([]);
    await far.rotateSessions();
    now += 2 * 60 * MINUTE;
    expect(await unsettled()).toEqual([]);
    now += 23 * 60 * MINUTE;
    expect(await unsettled()).toEqual(['far']);
    await utimes(join(path, '.spumoni', 'sessions', file), new Date(now), new Date(now));
    expect(await unsettled()).toEqual([]);
    await far.close();
  });

  it('whose files a crash tore held no writes, and go when they are old', async () => {
    await put('a');
    const torn = `${newSessionId()}.json`;
    await writeFile(join(path, '.spumoni', 'sessions', torn), '{"proc');
    await unsettled();
    await backend.freshIds.examined(CALL, container);
    expect(await sessions()).toContain(torn);
    now += 25 * 60 * MINUTE;
    await backend.freshIds.examined(CALL, container);
    expect(await sessions()).not.toContain(torn);
  });

  it('leave no directory of an old slice behind when its last write is deleted', async () => {
    const old = await put('old');
    now += 25 * 60 * MINUTE;
    const young = await put('young');
    await backend.delete(CALL, { container, key: 'old', token: old });
    await backend.delete(CALL, { container, key: 'young', token: young });
    expect(await readdir(join(path, container))).toEqual([sliceOf(young).period]);
    await backend.deleteContainer(CALL, container);
    await backend.createContainer(CALL, { container });
    await put('again');
  });

  it('are looked for only where the root is', async () => {
    await rm(join(path, '.spumoni-root.json'));
    await failure(unsettled(), 'unavailable');
    await failure(backend.freshIds.examined(CALL, container), 'unavailable');
    await writeFile(join(path, '.spumoni-root.json'), '{"id":"another"}');
    await failure(unsettled(), 'unavailable');
  });

  it('say who the process is, so that no other is taken for it', async () => {
    await put('a');
    const [file = ''] = await sessions();
    const said: unknown = JSON.parse(await readFile(join(path, '.spumoni', 'sessions', file), 'utf8'));
    const self = await ownIdentity();
    expect(said).toMatchObject({ process: self });
    expect(await lifeOf(self, self)).toBe('alive');
    expect(await lifeOf({ ...self, startTime: self.startTime + 1 }, self)).toBe('dead');
    expect(await lifeOf({ ...self, pid: 4_194_305 }, self)).toBe('dead');
    expect(await lifeOf({ ...self, pidNamespace: 'pid:[1]' }, self)).toBe('unknown');
    expect(await lifeOf({ ...self, host: 'elsewhere' }, self)).toBe('unknown');
    const machine = { ...self, machine: 'm' };
    expect(await lifeOf({ ...machine, boot: 'before' }, machine)).toBe('dead');
    expect(await lifeOf({ ...machine, machine: 'other', boot: 'before' }, machine)).toBe('unknown');
    const blind = { ...self, startTime: 0 };
    expect(await lifeOf({ ...blind, pid: process.pid }, blind)).toBe('alive');
    expect(await lifeOf({ ...blind, pid: 4_194_305 }, blind)).toBe('dead');
  });

  it('count a killed process as dead only when the last of its threads has left the system', () => {
    // As Linux 6.18 tells it of two processes that were ended: the one with a thread that has not left yet, the other waiting for its parent.
    const line = (threads: number): string =>
      `24624 (node) Z 1) Z 24622 24622 26301 0 -1 4227084 2952 6502 0 0 4 1 5 1 20 0 ${threads} 0 5664204 0 0 18446744073709551615`;
    expect(parseStat(line(2))).toEqual({ state: 'Z', threads: 2, startTime: 5_664_204 });
    expect(hasEnded(parseStat(line(2)))).toBe(false);
    expect(hasEnded(parseStat(line(1)))).toBe(true);
    expect(hasEnded({ state: 'S', threads: 1, startTime: 1 })).toBe(false);
  });

  it('do not hold ids of other sessions for theirs', async () => {
    const id = new IdSource().next(newSessionId());
    backend.freshIds.settle({ container, key: 'k', token: id });
    backend.freshIds.settle({ container, key: 'k', token: 'no-id' });
    await failure(backend.abortUpload(CALL, container, { key: '', token: id }), 'not-found');
  });
});
