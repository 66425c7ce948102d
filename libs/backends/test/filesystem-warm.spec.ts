import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isId, IdSource } from '../src/filesystem/ids.js';
import { WarmFiles } from '../src/filesystem/warm-files.js';
import { ThreadQueue } from '../src/filesystem/thread-queue.js';
import { openBackend, type ObjectBackend } from '../src/index.js';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 10, 21);
const isLinux = process.platform === 'linux';
const ifLinux = isLinux ? it : it.skip;
const reason = isLinux ? '' : ' [skipped: only Linux says what kind a filesystem is]';

function idOf(time: number): string {
  return new IdSource(() => time).next('0123456789ab');
}

describe('which files are read at once', () => {
  let root: string;
  let now = NOW;
  let watch = 0;
  /** What this thread waited for a core so far; undefined where the system does not say. */
  let waited: number | undefined;
  let warm: WarmFiles;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'spumoni-warm-'));
    [now, watch, waited] = [NOW, 0, undefined];
    warm = new WarmFiles(
      root,
      () => now,
      () => watch,
      { waitedMs: () => waited },
    );
  });
  afterEach(() => rm(root, { recursive: true }));

  const read = (id: string): Promise<void> => warm.readInPool(id, () => Promise.resolve());
  /** Reads until the kind of the filesystem is known. */
  async function learnKind(): Promise<void> {
    await read(idOf(NOW - 60 * MINUTE));
    while (!warm.has(idOf(now))) await new Promise(setImmediate);
  }

  it('none, until it is known that the filesystem is one of this machine', () => {
    expect(warm.has(idOf(NOW))).toBe(false);
  });

  ifLinux(`those written a moment ago, and older ones once they were read${reason}`, async () => {
    await learnKind();
    const old = idOf(NOW - 10 * MINUTE);
    expect(warm.has(old)).toBe(false);
    await read(old);
    expect(warm.has(old)).toBe(true);
    const fresh = idOf(NOW);
    expect(warm.has(fresh)).toBe(true);
    now += 3 * MINUTE;
    expect(warm.has(fresh)).toBe(false);
  });

  ifLinux(`none for a while after one that hung, or many that were slow${reason}`, async () => {
    await learnKind();
    warm.readAtOnce(() => (watch += 150));
    expect(warm.has(idOf(now))).toBe(false);
    now += MINUTE;
    expect(warm.has(idOf(now))).toBe(true);
    for (let slow = 0; slow < 20; slow++) warm.readAtOnce(() => (watch += 6));
    expect(warm.has(idOf(now))).toBe(true);
    warm.readAtOnce(() => (watch += 6));
    expect(warm.has(idOf(now))).toBe(false);
  });

  ifLinux(`all the same after reads in which the thread waited for a core, not for the disk${reason}`, async () => {
    await learnKind();
    let queued = (waited = 0);
    const wait = (ms: number, forCore: number): void => {
      warm.readAtOnce(() => {
        watch += ms;
        waited = queued += forCore;
      });
    };
    // Of the first slow one it is not known yet: all goes through the pool for a second.
    wait(150, 149);
    expect(warm.has(idOf(now))).toBe(false);
    now += 1_001;
    for (let slow = 0; slow < 30; slow++) wait(150, 149);
    expect(warm.has(idOf(now))).toBe(true);
    wait(150, 20);
    now += 1_001;
    expect(warm.has(idOf(now))).toBe(false);
    now += MINUTE;
    for (let slow = 0; slow < 21; slow++) wait(8, 1);
    now += 1_001;
    expect(warm.has(idOf(now))).toBe(false);
  });

  ifLinux(`none while the disk owes an answer for long${reason}`, async () => {
    await learnKind();
    const held = Promise.withResolvers<undefined>();
    const reading = warm.readInPool(idOf(NOW), () => held.promise);
    now += 100;
    expect(warm.has(idOf(now))).toBe(true);
    now += 200;
    expect(warm.has(idOf(now))).toBe(false);
    held.resolve(undefined);
    await reading;
    expect(warm.has(idOf(now))).toBe(true);
  });

  ifLinux(`remembers a bounded number of reads${reason}`, async () => {
    await learnKind();
    const ids = Array.from({ length: 9000 }, (_, i) => idOf(NOW - 60 * MINUTE - i));
    for (const id of ids) await read(id);
    const remembered = ids.filter((id) => warm.has(id)).length;
    expect(remembered).toBeGreaterThan(4000);
    expect(remembered).toBeLessThanOrEqual(8192);
  });
});

describe('how long this thread waited for a core', () => {
  it('is known, and never becomes less, or it is said that it is not known', () => {
    const queue = new ThreadQueue();
    const first = queue.waitedMs();
    const second = queue.waitedMs();
    expect(typeof second).toBe(typeof first);
    expect(second ?? 0).toBeGreaterThanOrEqual(first ?? 0);
  });
});

describe('a warm file that changed behind our back', () => {
  const call = { requestId: 'r' };
  let root: string;
  let backend: ObjectBackend;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'spumoni-warm-'));
    backend = await openBackend({ name: 'local', type: 'filesystem', credentials: {}, options: { path: root } });
    await backend.createContainer(call, { container: 'warm' });
  });
  afterEach(async () => {
    await backend.close();
    await rm(root, { recursive: true });
  });

  async function stored(): Promise<{ token: string; path: string }> {
    const attributes = { headers: {}, metadata: {}, tags: {} };
    const { token } = await backend.put(call, {
      container: 'warm',
      key: 'k',
      body: Buffer.from('content'),
      attributes,
    });
    for (let times = 0; times < 20; times++) {
      const { whole } = await backend.get(call, { container: 'warm', key: 'k', token });
      expect(Buffer.from(whole ?? []).toString()).toBe('content');
    }
    const all = await readdir(join(root, 'warm'), { recursive: true, withFileTypes: true });
    const file = all.find(({ name }) => isId(name) && name === token);
    if (!file) throw new Error('the file of the write is not where it was looked for');
    return { token, path: join(file.parentPath, file.name) };
  }

  const atOnce = (token: string, key = 'k'): string | undefined => {
    const bytes = backend.getAtOnce?.({ container: 'warm', key, token });
    return bytes && Buffer.from(bytes).toString();
  };

  ifLinux(`is read without a promise, whole or a range, and is of its key alone${reason}`, async () => {
    const { token } = await stored();
    while (atOnce(token) === undefined) await new Promise(setImmediate);
    const first = backend.getAtOnce?.({ container: 'warm', key: 'k', token });
    const range = { start: 3, end: 5 };
    const part = backend.getAtOnce?.({ container: 'warm', key: 'k', token, range });
    expect(Buffer.from(part ?? []).toString()).toBe('ten');
    // The next read leaves the bytes of the first alone.
    expect(Buffer.from(first ?? []).toString()).toBe('content');
    expect(atOnce(token, 'another')).toBeUndefined();
    expect(atOnce('../k')).toBeUndefined();
  });

  ifLinux(`has no bytes at once when one of them is another, when it is gone, or closed${reason}`, async () => {
    const { token, path } = await stored();
    while (atOnce(token) === undefined) await new Promise(setImmediate);
    const whole = await readFile(path);
    await writeFile(path, whole.with(0, 1));
    expect(atOnce(token)).toBeUndefined();
    await expect(backend.get(call, { container: 'warm', key: 'k', token })).rejects.toMatchObject({
      kind: 'integrity',
    });
    await writeFile(path, whole);
    expect(atOnce(token)).toBe('content');
    await rm(path);
    expect(atOnce(token)).toBeUndefined();
    await writeFile(path, whole);
    await backend.close();
    expect(atOnce(token)).toBeUndefined();
  });

  it('is damaged: never answered', async () => {
    const { token, path } = await stored();
    const { size } = await stat(path);
    await writeFile(path, Buffer.alloc(size, 1));
    await expect(backend.get(call, { container: 'warm', key: 'k', token })).rejects.toMatchObject({
      kind: 'not-found',
    });
  });

  it('is gone: not found, at once', async () => {
    const { token, path } = await stored();
    await rm(path);
    await expect(backend.get(call, { container: 'warm', key: 'k', token })).rejects.toMatchObject({
      kind: 'not-found',
    });
  });
});
