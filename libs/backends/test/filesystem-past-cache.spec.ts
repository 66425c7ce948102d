import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ALIGNED_BYTES, AlignedMemory } from '../src/filesystem/aligned-memory.js';
import { AlignedBatch } from '../src/filesystem/aligned-write.js';
import { sliceOf } from '../src/filesystem/ids.js';
import { openFilesystem } from '../src/filesystem/index.js';
import { PastCache } from '../src/filesystem/past-cache.js';
import { makePlace } from '../src/filesystem/place.js';
import { StagedFile } from '../src/filesystem/staging.js';
import type { ByteRange, ObjectBackend } from '../src/index.js';
import { brokenStream, bytesOf, streamOf } from './conformance/bytes.js';
import { failure, PLAIN } from './conformance/stage.js';

const CALL = { requestId: 'past-cache' };
const MIB = 1024 * 1024;
const LARGE = 16 * MIB;
const container = 'spumoni-past-cache';

/** Whether the temporary directory is on a disk that can be written to past the cache: ext or xfs. */
const kind = (await statfs(tmpdir())).type;
const isDisk = process.platform === 'linux' && [0xef53, 0x58465342].includes(kind);
const ifDisk = isDisk ? it : it.skip;
const reason = isDisk ? '' : ' [skipped: the temporary directory is on neither ext nor xfs]';

describe('chunks that are gathered for the disk', () => {
  /** A disk that takes what it is given later, when it is waited for, from the very buffer it was given. */
  class LateDisk {
    readonly taken: Buffer[] = [];
    private writing: Promise<void> = Promise.resolve();
    async appendAligned(buffer: Buffer): Promise<void> {
      await this.writing;
      this.writing = Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => void this.taken.push(Buffer.from(buffer)));
    }
    async end(rest: Buffer): Promise<Buffer> {
      await this.writing;
      return Buffer.concat([...this.taken, rest]);
    }
  }

  it('come out as they went in, in whole buffers but for the rest, however they were cut', async () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 16 }), lengths, async (size, parts) => {
        const disk = new LateDisk();
        const batch = new AlignedBatch(disk, [Buffer.alloc(size), Buffer.alloc(size)]);
        let next = 0;
        for (const length of parts) {
          const chunk = Uint8Array.from({ length }, () => next++ & 255);
          await batch.push(chunk);
          chunk.fill(255); // its owner's again
        }
        const all = await disk.end(batch.rest());
        expect(all).toEqual(Buffer.from(Array.from({ length: next }, (_, at) => at & 255)));
        expect(batch.total).toBe(next);
        expect(disk.taken).toHaveLength(Math.floor(next / size));
      }),
      { numRuns: 300 },
    );
  });
});

describe('memory that the disk takes from', () => {
  it('is lent in pairs, up to a bound, and used again once it is given back, but not once it is dropped', () => {
    const memory = new AlignedMemory();
    const pairs = Array.from({ length: 32 }, () => memory.take());
    expect(pairs.every((pair) => pair?.every(({ length }) => length === ALIGNED_BYTES))).toBe(true);
    expect(memory.take()).toBeUndefined();
    const [first, second] = pairs;
    if (!first || !second) throw new Error('no memory was lent');
    memory.giveBack(first);
    expect(memory.take()).toBe(first);
    memory.drop();
    expect(pairs).not.toContain(memory.take());
  });
});

describe('which transfers go past the cache', () => {
  let root: string;
  let now = 0;
  let past: PastCache;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'spumoni-past-'));
    now = 1e12;
    past = new PastCache(root, () => now);
  });
  afterEach(() => rm(root, { recursive: true }));

  async function writes(size: number | undefined): Promise<boolean> {
    const passage = await past.forWriting(size);
    passage?.memory.giveBack(passage.pair);
    return passage !== undefined;
  }
  async function reads(id: string, start: number, end: number): Promise<boolean> {
    const passage = await past.forReading(id, start, end);
    passage?.memory.giveBack(passage.pair);
    return passage !== undefined;
  }

  ifDisk(`large ones whose size is known, and that begin where a block does${reason}`, async () => {
    expect([await writes(LARGE), await writes(LARGE - 1), await writes(undefined)]).toEqual([true, false, false]);
    expect([await reads('a', 4096, 4096 + LARGE), await reads('a', 4096, 4095 + LARGE)]).toEqual([true, false]);
    expect(await reads('a', 1, 1 + LARGE)).toBe(false);
  });

  ifDisk(
    `reads of a file that is read again and again only at first, until it is left alone for a while${reason}`,
    async () => {
      const turns: boolean[] = [];
      for (let turn = 0; turn < 7; turn++) turns.push(await reads('a', 0, LARGE));
      expect(turns).toEqual([true, true, true, true, false, false, false]);
      expect(await reads('b', 0, LARGE)).toBe(true);
      now += 11 * 60_000;
      expect(await reads('a', 0, LARGE)).toBe(true);
    },
  );

  it('none where the directory is not there, or is in memory', async () => {
    expect(await new PastCache(join(root, 'absent'), () => now).forWriting(LARGE)).toBeUndefined();
    const inMemory = existsSync('/dev/shm') && (await statfs('/dev/shm')).type === 0x01021994;
    if (inMemory) expect(await new PastCache('/dev/shm', () => now).forWriting(LARGE)).toBeUndefined();
  });
});

describe('large objects of the filesystem backend', () => {
  let path: string;
  let backend: ObjectBackend;
  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'spumoni-past-')), 'root');
    backend = openFilesystem({ name: 'disk', type: 'filesystem', credentials: {}, options: { path } });
    await backend.createContainer(CALL, { container });
  });
  afterEach(async () => {
    await backend.close();
    await rm(dirname(path), { recursive: true });
  });

  async function put(seed: number, size: number): Promise<string> {
    const request = { container, key: 'k', body: streamOf(seed, size), size, attributes: PLAIN };
    const { token, size: written } = await backend.put(CALL, request);
    expect(written).toBe(size);
    return token;
  }
  async function read(token: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    const request = { container, key: 'k', token, transientChunks: true, ...(range ? { range } : {}) };
    return (await backend.get(CALL, request)).body;
  }
  /** What this process has open under the root. */
  async function openFiles(): Promise<string[]> {
    const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
    return (await Promise.all(links)).filter((link) => link.startsWith(path) && !link.includes('.spumoni'));
  }

  /** Whether a body is these bytes, read chunk by chunk. */
  async function isSame(body: AsyncIterable<Uint8Array>, expected: Uint8Array): Promise<boolean> {
    let at = 0;
    let same = true;
    for await (const chunk of body) {
      same &&= Buffer.compare(chunk, expected.subarray(at, at + chunk.length)) === 0;
      at += chunk.length;
    }
    return same && at === expected.length;
  }

  it('are read as they were written, whole and in ranges, wherever they end', async () => {
    for (const size of [0, 1, 4096, MIB - 1, MIB].map((more) => LARGE + more)) {
      const token = await put(7, size);
      const whole = bytesOf(7, size);
      for (const start of new Set([0, 1, Math.min(4096, size - LARGE)]))
        expect(await isSame(await read(token, { start, end: size - 1 }), whole.subarray(start))).toBe(true);
      const { period, slice } = sliceOf(token);
      const file = await readFile(join(path, container, period, slice, token));
      expect(file.subarray(0, size).equals(whole)).toBe(true);
    }
  }, 60_000);

  it('leave nothing on the disk and nothing open where the body breaks off', async () => {
    const body = brokenStream(1, 5 * MIB + 1, new Error('the client vanished'));
    await failure(backend.put(CALL, { container, key: 'k', body, size: LARGE, attributes: PLAIN }), 'invalid');
    const entries = await readdir(join(path, container), { recursive: true, withFileTypes: true });
    expect(entries.filter((entry) => entry.isFile())).toEqual([]);
    if (process.platform === 'linux') expect(await openFiles()).toEqual([]);
  });

  it('are read to their end where they are deleted after they were opened', async () => {
    const token = await put(4, LARGE);
    const body = await read(token);
    expect(await backend.delete(CALL, { container, key: 'k', token })).toBe('deleted');
    expect(await isSame(body, bytesOf(4, LARGE))).toBe(true);
  });

  it('leave the last chunk of a reader that broke off as it is: what is read next goes elsewhere', async () => {
    const [first, other] = [await put(1, LARGE), await put(2, LARGE)];
    let kept: Uint8Array | undefined;
    for await (const chunk of await read(first)) {
      kept = chunk;
      break;
    }
    for (let turn = 0; turn < 2; turn++) expect(await isSame(await read(other), bytesOf(2, LARGE))).toBe(true);
    expect(Buffer.from(kept ?? []).equals(bytesOf(1, MIB))).toBe(true);
    if (process.platform === 'linux') expect(await openFiles()).toEqual([]);
  });

  it('are written all the same from memory that the disk does not take from', async () => {
    const place = makePlace({ name: 'disk', root: path, existing: false, foreignGraceMs: 60_000 });
    const id = await place.sessions.newId();
    const staged = await StagedFile.create(place, container, id);
    const bytes = Buffer.from(bytesOf(3, 3 * MIB + 7));
    const unaligned = (at: number): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset + at, MIB);
    for (let at = 0; at < 3 * MIB; at += MIB) await staged.appendAligned(unaligned(at));
    await staged.append([bytes.subarray(3 * MIB)]);
    await staged.finish();
    expect((await readFile(place.layout.file(container, id))).equals(bytes)).toBe(true);
    await place.sessions.close();
  });
});
