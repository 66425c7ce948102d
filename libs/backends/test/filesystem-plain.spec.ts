import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openFilesystem } from '../src/filesystem/index.js';
import { BackendError, wrapBackend, type ListedEntry, type ObjectBackend } from '../src/index.js';
import { collect } from './conformance/bytes.js';
import { describeConformance } from './conformance/index.js';
import { failure, PLAIN } from './conformance/stage.js';
import { Writer } from './filesystem-writer.js';

const CALL = { requestId: 'plain' };
const container = 'theirs';

function open(path: string): ObjectBackend {
  return openFilesystem({ name: 'disk', type: 'filesystem', credentials: {}, options: { path, existing: true } });
}

/** A backend whose containers are all directories of others that were taken over, as if it could make such. */
function plainBackend(path: string): ObjectBackend {
  const inner = open(path);
  const backend = wrapBackend(inner, { call: ({ call }, proceed) => proceed(call) });
  const capabilities = { ...inner.capabilities, tokens: 'none' as const };
  const { freshIds: _, ...rest } = backend;
  return {
    ...rest,
    capabilities,
    async createContainer(call, request) {
      const made = await inner.createContainer(call, request);
      const theirs = join(path, made.name, 'theirs');
      await writeFile(theirs, 'theirs');
      const taken = await inner.prepareTakeover?.(call, made.name);
      await rm(theirs);
      return taken ?? made;
    },
    async probe(call, prefix) {
      await inner.probe(call, prefix);
      return capabilities;
    },
    async deleteContainer(call, name) {
      const { entries } = await inner.list(call, { container: name, include: 'everything', limit: 1 });
      if (entries.length > 0) throw new BackendError('conflict', 'not empty');
      await rm(join(path, name), { recursive: true });
    },
  };
}

describeConformance('a directory that was taken over by the filesystem backend', {
  async open() {
    const path = await mkdtemp(join(tmpdir(), 'spumoni-plain-'));
    const backend = plainBackend(path);
    return {
      backend,
      async close() {
        await backend.close();
        await rm(path, { recursive: true });
      },
    };
  },
  gaps: [{ case: 'listing/uploads', reason: 'a staged file has no key until it is whole; filesystem-plain.spec.ts' }],
});

describe('a directory of others', () => {
  let path: string;
  let backend: ObjectBackend;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'spumoni-plain-'));
    for (const name of ['theirs/a.d', 'theirs/a/deep', 'theirs/empty'])
      await mkdir(join(path, name), { recursive: true });
    for (const key of ['a.d/x', 'a/b.txt', 'a/deep/c', 'a0', 'z ü.txt'])
      await writeFile(join(path, container, key), `of ${key}`);
    await writeFile(join(path, 'secret'), 'outside');
    await symlink(join(path, 'secret'), join(path, container, 'link'));
    await symlink(path, join(path, container, 'out'));
    await writeFile(Buffer.concat([Buffer.from(join(path, container, 'bad-')), Buffer.from([0xff])]), 'no name');
    await promisify(execFile)('mkfifo', [join(path, container, 'pipe')]);
    backend = open(path);
  });
  afterEach(async () => {
    await backend.close();
    await rm(path, { recursive: true });
  });

  async function take(): Promise<void> {
    // What a registration does first.
    await backend.createContainer(CALL, { container: 'first' });
    await backend.prepareTakeover?.(CALL, container);
  }
  async function put(key: string, text: string): Promise<string> {
    const body = Buffer.from(text);
    const attributes = { ...PLAIN, metadata: { by: 'us' }, writeId: `of-${key}` };
    return (await backend.put(CALL, { container, key, body, size: body.length, attributes })).token;
  }
  async function read(key: string, token?: string): Promise<string> {
    const { body } = await backend.get(CALL, { container, key, ...(token === undefined ? {} : { token }) });
    return (await collect(body)).toString();
  }
  async function list(limit = 1000): Promise<ListedEntry[]> {
    const all: ListedEntry[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const at = cursor === undefined ? {} : { cursor };
      const page = await backend.list(CALL, { container, include: 'current', limit, ...at });
      all.push(...page.entries);
      cursor = page.cursor;
    }
    return all;
  }

  it('is told from those that Spumoni makes, and refused as a root unless it was said', async () => {
    await take();
    await mkdir(join(path, 'bare'));
    const tokens = async (name: string) => (await backend.inspectContainer(CALL, name)).tokens;
    expect([await tokens(container), await tokens('first'), await tokens('bare')]).toEqual(['none', 'id', 'id']);
    await failure(Promise.resolve(backend.prepareTakeover?.(CALL, 'bare')), 'conflict');
    await failure(Promise.resolve(backend.prepareTakeover?.(CALL, '../up')), 'invalid');
    const strict = openFilesystem({
      name: 's',
      type: 'filesystem',
      credentials: {},
      options: { path: join(path, container) },
    });
    await failure(strict.createContainer(CALL, { container: 'new' }), 'invalid');
    await strict.close();
  });

  it('lists its files by key, in UTF-8 order, whatever the page, and says what is none', async () => {
    await take();
    const objects = ['a.d/x', 'a/b.txt', 'a/deep/c', 'a0', 'z ü.txt'];
    for (const limit of [1, 2, 1000]) {
      const entries = await list(limit);
      expect(entries.filter(({ kind }) => kind === 'object').map(({ key }) => key)).toEqual(objects);
      const foreign = entries.filter(({ kind }) => kind === 'foreign').map(({ key, reason }) => [key, reason]);
      expect(foreign).toEqual([
        ['bad-\ufffd', expect.stringContaining('UTF-8')],
        ['link', expect.stringContaining('symbolic link')],
        ['out', expect.stringContaining('symbolic link')],
        ['pipe', 'a pipe'],
      ]);
    }
    expect(await read('a/deep/c')).toBe('of a/deep/c');
  });

  it('goes on with a listing whose walk is gone, and after files came and went', async () => {
    await take();
    const first = await backend.list(CALL, { container, include: 'current', limit: 2 });
    await backend.close();
    backend = open(path);
    await put('a/c', 'new');
    await rm(join(path, container, 'a0'));
    const cursor = first.cursor ?? '';
    const rest = await backend.list(CALL, { container, include: 'current', limit: 100, cursor });
    expect(rest.entries.filter(({ kind }) => kind === 'object').map(({ key }) => key)).toEqual([
      'a/c',
      'a/deep/c',
      'z ü.txt',
    ]);
    await failure(backend.list(CALL, { container, include: 'current', limit: 1, cursor: 'x' }), 'invalid');
  });

  it('takes writes as plain files, with their attributes beside them, and forgets those when others write', async () => {
    await take();
    const token = await put('a/b.txt', 'ours');
    expect(await readFile(join(path, container, 'a/b.txt'), 'utf8')).toBe('ours');
    expect((await stat(join(path, container, 'a/b.txt'))).mode & 0o044).toBe(
      (await stat(join(path, container))).mode & 0o044,
    );
    const ask = { container, key: 'a/b.txt', withTags: true };
    expect(await backend.head(CALL, ask)).toMatchObject({
      token,
      metadata: { by: 'us' },
      writeId: 'of-a/b.txt',
      size: 4,
    });
    await writeFile(join(path, container, 'a/b.txt'), 'theirs again');
    const head = await backend.head(CALL, ask);
    expect(head).toMatchObject({ metadata: {}, size: 12 });
    expect(head.writeId).toBeUndefined();
    await failure(backend.get(CALL, { container, key: 'a/b.txt', token }), 'not-found');
    expect(await backend.delete(CALL, { container, key: 'a/b.txt', token })).toBe('absent');
    expect(await backend.delete(CALL, { container, key: 'a/b.txt', token: head.token })).toBe('deleted');
  });

  it('keeps what no path can spell, and what a link, a pipe or a directory is in the way of, without touching those', async () => {
    await take();
    const keys = ['a/', 'a', 'a0/under', 'link', 'out/secret', '../secret', 'x//y', './z', 'pipe', 'n'.repeat(300)];
    for (const key of keys) await put(key, `odd ${key}`);
    for (const key of keys) expect(await read(key)).toBe(`odd ${key}`);
    const listed = (await list(3)).filter(({ kind }) => kind === 'object').map(({ key }) => key);
    expect(listed).toEqual(
      [...keys, 'a.d/x', 'a/b.txt', 'a/deep/c', 'a0', 'z ü.txt'].sort((l, r) =>
        Buffer.compare(Buffer.from(l), Buffer.from(r)),
      ),
    );
    expect(await readFile(join(path, 'secret'), 'utf8')).toBe('outside');
    expect(await readFile(join(path, container, 'link'), 'utf8')).toBe('outside');
    for (const key of keys) {
      const { token } = await backend.head(CALL, { container, key });
      expect(await backend.delete(CALL, { container, key, token })).toBe('deleted');
      await failure(backend.head(CALL, { container, key }), 'not-found');
    }
    expect(await readFile(join(path, 'secret'), 'utf8')).toBe('outside');
  });

  it('is the same after a copy that keeps times, with what was stored beside its files', async () => {
    await take();
    const token = await put('a/b.txt', 'ours');
    await failure(backend.deleteContainer(CALL, container), 'conflict');
    await promisify(execFile)('cp', ['-a', join(path, container), join(path, 'copy')]);
    const head = await backend.head(CALL, { container: 'copy', key: 'a/b.txt', token });
    expect(head).toMatchObject({ metadata: { by: 'us' }, writeId: 'of-a/b.txt' });
  });

  it('never reads through a link that others put in a path', async () => {
    await take();
    const { token } = await backend.head(CALL, { container, key: 'a/deep/c' });
    await rm(join(path, container, 'a/deep'), { recursive: true });
    await symlink(path, join(path, container, 'a/deep'));
    await failure(backend.get(CALL, { container, key: 'a/deep/secret' }), 'not-found');
    await failure(backend.get(CALL, { container, key: 'a/deep/c', token }), 'not-found');
    await failure(backend.head(CALL, { container, key: '.spumoni/.plain/format.json' }), 'not-found');
  });

  it('says so when a file is changed while it is read', async () => {
    await take();
    await put('big', 'x'.repeat(3 * 1024 * 1024));
    const { body } = await backend.get(CALL, { container, key: 'big' });
    const reading = body[Symbol.asyncIterator]();
    await reading.next();
    await writeFile(join(path, container, 'big'), 'y'.repeat(4 * 1024 * 1024), { flag: 'r+' });
    const rest = async (): Promise<void> => {
      while ((await reading.next()).done !== true);
    };
    await failure(rest(), 'integrity');
  });

  it('leaves nothing of a write that fails, and finds what a dead process was writing', async () => {
    await take();
    const staging = join(path, container, '.spumoni/.plain/t');
    async function* cut(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      await Promise.resolve();
      throw new Error('cut');
    }
    await failure(backend.put(CALL, { container, key: 'cut', body: cut(), attributes: PLAIN }), 'invalid');
    expect(await readdir(staging)).toEqual([]);
    await failure(backend.head(CALL, { container, key: 'cut' }), 'not-found');

    const writer = await Writer.start(path, container);
    await writer.tell({ do: 'hang', key: 'hanging' });
    await writer.kill();
    expect(await readdir(staging)).toHaveLength(1);
    for await (const write of backend.freshIds?.unsettled(CALL, container) ?? []) expect(write).toBeUndefined();
    await backend.freshIds?.examined(CALL, container);
    expect(await readdir(staging)).toEqual([]);
  });

  it('tells of a directory that may not be read, and goes on', async () => {
    await take();
    await chmod(join(path, container, 'a'), 0);
    const entries = await list();
    await chmod(join(path, container, 'a'), 0o700);
    const seen = entries.filter(({ kind }) => kind === 'object').map(({ key }) => key);
    // Root may read everything.
    if (process.getuid?.() === 0) expect(seen).toContain('a/b.txt');
    else expect(entries).toContainEqual(expect.objectContaining({ kind: 'foreign', key: 'a/' }));
    expect(seen).toContain('z ü.txt');
  });

  it('is copied from and to containers of ids, with the attributes that are asked for', async () => {
    await take();
    const source = {
      container,
      key: 'a/b.txt',
      token: (await backend.head(CALL, { container, key: 'a/b.txt' })).token,
    };
    const attributes = { ...PLAIN, metadata: { copied: 'yes' } };
    const there = await backend.copy(CALL, { source, container: 'first', key: 'k', attributes });
    const back = { container: 'first', key: 'k', token: there.token };
    await backend.copy(CALL, { source: back, container, key: 'back/again', attributes });
    expect(await readFile(join(path, container, 'back/again'), 'utf8')).toBe('of a/b.txt');
    await backend.restamp(CALL, source, attributes);
    expect((await backend.head(CALL, { container, key: 'a/b.txt' })).metadata).toEqual({ copied: 'yes' });
  });
});
