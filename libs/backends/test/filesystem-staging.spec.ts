import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openFilesystem } from '../src/filesystem/index.js';
import { newSessionId, sliceOf } from '../src/filesystem/ids.js';
import type { ObjectBackend } from '../src/index.js';
import { bytesOf, collect } from './conformance/bytes.js';
import { failure, PLAIN } from './conformance/stage.js';

const CALL = { requestId: 'staging' };
const container = 'spumoni-staging';
/** Of a session that is closed. */
const DEAD = `01jd0000000000${newSessionId()}.part`;

describe('the filesystem backend on its disk', () => {
  let path: string;
  let backend: ObjectBackend;

  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'spumoni-staging-')), 'root');
    backend = openFilesystem({ name: 'disk', type: 'filesystem', credentials: {}, options: { path } });
    await backend.createContainer(CALL, { container });
  });
  afterEach(async () => {
    await backend.close();
    await rm(join(path, '..'), { recursive: true });
  });

  async function put(key: string, body: Uint8Array): Promise<{ token: string; file: string }> {
    const request = { container, key, body, size: body.length, attributes: PLAIN };
    const { token } = await backend.put(CALL, request);
    return { token, file: pathOf(token) };
  }
  function pathOf(name: string): string {
    const { period, slice } = sliceOf(name);
    return join(path, container, period, slice, name);
  }
  async function stage(name: string): Promise<void> {
    await mkdir(dirname(pathOf(name)), { recursive: true });
    await writeFile(pathOf(name), 'half of a body');
  }
  async function abort(token: string): Promise<void> {
    await backend.abortUpload?.(CALL, container, { key: '', token });
  }
  async function everything(prefix = ''): Promise<{ kind: string; token: string }[]> {
    const { entries } = await backend.list(CALL, { container, prefix, include: 'everything', limit: 100 });
    return entries.map(({ kind, token }) => ({ kind, token }));
  }

  it('shows what a dead writer left as an upload, and forgets it', async () => {
    await stage(DEAD);
    expect(await everything()).toEqual([{ kind: 'upload', token: DEAD }]);
    await failure(backend.deleteContainer(CALL, container), 'conflict');
    await abort(DEAD);
    await failure(abort(DEAD), 'not-found');
    await failure(abort('no-upload'), 'invalid');
    expect(await everything()).toEqual([]);
    await backend.deleteContainer(CALL, container);
  });

  it('keeps a staged file whose writer is alive, and a write that is whole', async () => {
    const { token: whole } = await put('whole', bytesOf(1, 100));
    await failure(abort(whole), 'conflict');
    backend.freshIds?.settle({ container, key: 'whole', token: whole });
    await failure(abort(whole), 'conflict');
    let reach: () => void = () => undefined;
    let go: () => void = () => undefined;
    const half = new Promise<void>((resolve) => (reach = resolve));
    const rest = new Promise<void>((resolve) => (go = resolve));
    async function* body(): AsyncGenerator<Uint8Array> {
      yield bytesOf(1, 2_000_000);
      yield bytesOf(2, 1);
      reach();
      await rest;
      yield bytesOf(3, 10);
    }
    const writing = backend.put(CALL, { container, key: 'live', body: body(), attributes: PLAIN });
    await half;
    const [upload] = (await everything()).filter(({ kind }) => kind === 'upload');
    await failure(abort(upload?.token ?? ''), 'conflict');
    go();
    expect((await writing).size).toBe(2_000_011);
  });

  it('takes a small file that a crash tore for unfinished, and a damaged one for an integrity failure', async () => {
    const { token, file } = await put('k', bytesOf(4, 1000));
    const whole = await readFile(file);
    whole[10] = (whole[10] ?? 0) ^ 1;
    await writeFile(file, whole);
    await failure(backend.get(CALL, { container, key: 'k', token }), 'integrity');
    expect(await everything()).toEqual([{ kind: 'upload', token }]);
    await truncate(file, 500);
    await failure(backend.get(CALL, { container, key: 'k', token }), 'not-found');
  });

  it('answers unavailable, not not-found, when another directory or none is where the root was', async () => {
    const { token } = await put('k', bytesOf(5, 10));
    await rename(path, `${path}-away`);
    await failure(backend.get(CALL, { container, key: 'k', token }), 'unavailable');
    await mkdir(path);
    for (const attempt of [
      backend.get(CALL, { container, key: 'k', token }),
      backend.delete(CALL, { container, key: 'k', token }),
      backend.list(CALL, { container, include: 'everything', limit: 1 }),
      backend.listContainers(CALL),
      backend.createContainer(CALL, { container: 'spumoni-other' }),
      backend.put(CALL, { container, key: 'k', body: bytesOf(6, 1), size: 1, attributes: PLAIN }),
    ])
      await failure(attempt, 'unavailable');
    await rm(path, { recursive: true });
    await rename(`${path}-away`, path);
    const { body } = await backend.get(CALL, { container, key: 'k', token });
    expect((await collect(body)).equals(bytesOf(5, 10))).toBe(true);
  });

  it('refuses a root that holds other things', async () => {
    const other = openFilesystem({
      name: 'other',
      type: 'filesystem',
      credentials: {},
      options: { path: join(path, container) },
    });
    await put('k', bytesOf(7, 10));
    await failure(other.probe(CALL, 'spumoni-probe'), 'invalid');
  });

  it('follows no name and no token out of its root', async () => {
    const outside = join(path, '..', 'outside');
    await mkdir(outside);
    await symlink(outside, join(path, 'linked'));
    await failure(backend.inspectContainer(CALL, 'linked'), 'not-found');
    expect((await backend.listContainers(CALL)).map(({ name }) => name)).toEqual([container]);
    for (const name of ['..', '../outside', 'a/b', '.spumoni-root.json', 'a..b'])
      await failure(backend.inspectContainer(CALL, name), 'invalid');
    for (const token of ['../../outside', '', 'x'.repeat(26), '../../../etc/passwd'])
      expect(await backend.delete(CALL, { container, key: 'k', token })).toBe('absent');
    const { token, file } = await put('k', bytesOf(8, 10));
    await rename(file, join(outside, token));
    await symlink(join(outside, token), file);
    await failure(backend.get(CALL, { container, key: 'k', token }), 'unavailable');
    expect(await everything()).toEqual([]);
  });

  it('leaves nothing of a failed write on the disk', async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield bytesOf(9, 3_000_000);
      throw new Error('the client vanished');
    }
    await failure(backend.put(CALL, { container, key: 'k', body: body(), attributes: PLAIN }), 'invalid');
    const entries = await readdir(join(path, container), { recursive: true, withFileTypes: true });
    expect(entries.filter((entry) => entry.isFile())).toEqual([]);
  });

  it('names every setting that is wrong', () => {
    const wrong = { name: 'w', type: 'filesystem', credentials: {}, region: 'eu', options: { pth: 'x' } } as const;
    expect(() => openFilesystem(wrong)).toThrow(/options\.path.*pth.*region/);
  });
});
