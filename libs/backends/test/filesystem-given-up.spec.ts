import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFilesystem } from '../src/filesystem/index.js';
import type { Call, ObjectBackend, WriteResult } from '../src/index.js';
import { bytesOf, streamOf } from './conformance/bytes.js';
import { failure, PLAIN } from './conformance/stage.js';

const CALL = { requestId: 'given-up' };
const KIB = 1024;
const container = 'spumoni-given-up';

let directory: string;
let backend: ObjectBackend;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spumoni-given-up-'));
  backend = openFilesystem({ name: 'disk', type: 'filesystem', credentials: {}, options: { path: directory } });
  await backend.createContainer(CALL, { container });
});
afterEach(async () => {
  await backend.close();
  await rm(directory, { recursive: true, force: true });
});

/** All files below the container. */
function files(): string[] {
  return readdirSync(join(directory, container), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

/** A caller that gives up in the very moment in which one more file bears its final name, when the write has yet to become durable. */
function givesUpLate(): Call {
  const { signal } = new AbortController();
  const before = files().length;
  const isThere = (): boolean => files().filter((name) => !name.includes('.')).length > before;
  Object.defineProperty(signal, 'aborted', { get: isThere });
  return { ...CALL, signal };
}

const put = (call: Call, body: Uint8Array | AsyncIterable<Uint8Array>, size: number): Promise<WriteResult> =>
  backend.put(call, { container, key: 'a', body, size, attributes: PLAIN });

describe('a write on a filesystem whose caller gives up at its very end', () => {
  it.each([
    ['small', 10],
    ['streamed', 300 * KIB],
    ['past the cache', 17 * KIB * KIB],
  ])('leaves nothing: %s', async (_, size) => {
    expect(await failure(put(givesUpLate(), streamOf(1, size), size))).toMatchObject({ kind: 'timeout' });
    expect(files()).toEqual([]);
    expect(await failure(put(givesUpLate(), bytesOf(1, size), size))).toMatchObject({ kind: 'timeout' });
    expect(files()).toEqual([]);
  });

  it.each([
    ['small', 10],
    ['large', 300 * KIB],
  ])('leaves nothing of a copy, but its source: %s', async (_, size) => {
    const { token } = await put(CALL, bytesOf(1, size), size);
    const source = { container, key: 'a', token };
    const copied = backend.copy(givesUpLate(), { container, key: 'b', source, attributes: PLAIN });
    expect(await failure(copied)).toMatchObject({ kind: 'timeout' });
    expect(files()).toEqual([token]);
  });
});
