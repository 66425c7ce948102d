import { crc32 } from 'node:zlib';
import type { AlignedPair } from './aligned-memory.js';
import { AlignedBatch } from './aligned-write.js';
import type { Call, ObjectAttributes, ObjectBody, WriteResult } from '../object-backend.js';
import { BackendError } from '../errors.js';
import { chunksOfBody } from './body.js';
import { DEFAULT_CLASS } from './capabilities.js';
import { assertWanted } from './errors.js';
import { encodeTail } from './format.js';
import type { Place } from './place.js';
import { cleanUp, LeftoverError, StagedFile } from './staging.js';
import { createWritten } from './syscalls.js';

/** Up to here a body is written in place by one synced write: a rename would cost a second change of the directory. */
export const IN_PLACE_BYTES = 64 * 1024;
/** Chunks are collected to this size before they are written: below it, system calls cost more than copying. */
const WRITE_BYTES = 1024 * 1024;

/** One write to make: under which key, of what, with what beside it. */
export interface NewFile {
  readonly container: string;
  readonly key: string;
  readonly body: ObjectBody;
  readonly size?: number;
  readonly attributes: ObjectAttributes;
}

export function resultOf(id: string, size: number): WriteResult {
  return { token: id, vendorEtag: id, size, storageClass: DEFAULT_CLASS };
}

/** `invalid` for a class that is not this backend's. */
export function assertClass(backend: string, { storageClass }: ObjectAttributes): void {
  if (storageClass === undefined || storageClass === DEFAULT_CLASS) return;
  const message = `no storage class ${JSON.stringify(storageClass)}; expected ${DEFAULT_CLASS}`;
  throw new BackendError('invalid', message, { backend });
}

function crcOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((crc, chunk) => crc32(chunk, crc), 0);
}

/**
 * Writes a small body, trailer and footer into a new file opened with O_DSYNC. Its entry is in the directory since it was made, so the directory is synced meanwhile: more writers then share each sync.
 * On a disk of this machine the file is closed at once: the bytes are down, so the close waits for nothing. Elsewhere a close may be a message to another machine.
 */
async function writeInPlace(
  place: Place,
  call: Call,
  file: NewFile,
  to: { readonly id: string; readonly chunks: readonly Uint8Array[] },
): Promise<WriteResult> {
  const { container, key, attributes } = file;
  const { id, chunks } = to;
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const tail = encodeTail({ key, modified: Date.now(), attributes }, size, crcOf(chunks));
  const path = place.layout.file(container, id);
  const isLocal = place.warm.isLocalDisk;
  const entry: { synced?: Promise<void> } = {};
  const made = (): void => {
    entry.synced = place.slices.sync(container, id);
    // Awaited below; until then a failure is not unhandled.
    entry.synced.catch(() => undefined);
  };
  try {
    await place.slices.inside(container, id, () => createWritten(path, [...chunks, tail], { made, isLocal }));
    await entry.synced;
    assertWanted(place.name, call);
  } catch (error) {
    // Before it was made there is nothing to remove: what may stand there is not ours.
    throw entry.synced === undefined ? error : await cleanUp(path, error);
  }
  return resultOf(id, size);
}

/** Chunks on their way to a file. */
class Batch {
  bytes = 0;
  total = 0;
  private chunks: Uint8Array[] = [];

  push(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    this.total += chunk.length;
  }

  take(): Uint8Array[] {
    const taken = this.chunks;
    this.chunks = [];
    this.bytes = 0;
    return taken;
  }
}

async function writeStream(place: Place, call: Call, file: NewFile, id: string): Promise<WriteResult> {
  const batch = new Batch();
  let staged: StagedFile | undefined;
  try {
    for await (const chunk of chunksOfBody(place.name, call, file.body, file.size)) {
      batch.push(chunk);
      if (batch.bytes <= IN_PLACE_BYTES) continue;
      staged ??= await StagedFile.create(place, file.container, id);
      if (batch.bytes >= WRITE_BYTES) await staged.append(batch.take());
    }
    if (staged === undefined) return await writeInPlace(place, call, file, { id, chunks: batch.take() });
    const tail = encodeTail({ key: file.key, modified: Date.now(), attributes: file.attributes }, batch.total);
    await staged.append([...batch.take(), tail]);
    await staged.finish();
    assertWanted(place.name, call);
    return resultOf(id, batch.total);
  } catch (error) {
    throw staged === undefined ? error : await staged.abandon(error);
  }
}

/** Writes a body whose size is known, and not small, past the system's cache. */
async function writePast(place: Place, call: Call, file: NewFile, to: { id: string; pair: AlignedPair }) {
  const { container, key, attributes } = file;
  let staged: StagedFile | undefined;
  try {
    let batch: AlignedBatch | undefined;
    for await (const chunk of chunksOfBody(place.name, call, file.body, file.size)) {
      staged ??= await StagedFile.create(place, container, to.id);
      batch ??= new AlignedBatch(staged, to.pair);
      const waits = batch.push(chunk);
      if (waits !== undefined) await waits;
    }
    if (staged === undefined || batch === undefined) throw new Error('a body that is not empty had no chunk');
    await staged.append([batch.rest(), encodeTail({ key, modified: Date.now(), attributes }, batch.total)]);
    await staged.finish();
    assertWanted(place.name, call);
    return resultOf(to.id, batch.total);
  } catch (error) {
    throw staged === undefined ? error : await staged.abandon(error);
  }
}

async function writeLarge(place: Place, call: Call, file: NewFile, id: string): Promise<WriteResult> {
  const passage = await place.pastCache.forWriting(file.size);
  if (passage === undefined) return await writeStream(place, call, file, id);
  const { memory, pair } = passage;
  try {
    return await writePast(place, call, file, { id, pair });
  } finally {
    // Nothing is under way any more, however it ended.
    memory.giveBack(pair);
  }
}

/**
 * Runs a write under a fresh id. One that fails and leaves nothing is settled; any other is its caller's to settle. So one whose caller gave up while it was under way must fail at its end and remove what it wrote: nobody
 * will ever name it, and until this process ends nobody would look for it.
 */
export async function underFreshId<T>(place: Place, write: (id: string) => Promise<T>): Promise<T> {
  const id = await place.sessions.newId();
  try {
    return await write(id);
  } catch (error) {
    if (!(error instanceof LeftoverError)) place.sessions.settle(id);
    throw error;
  }
}

/** Stores a body under a fresh id. When it resolves, the bytes, their attributes and their directory entry are on the disk; when it fails, nothing is left. */
export async function writeFile(place: Place, call: Call, file: NewFile): Promise<WriteResult> {
  const { body, size } = file;
  return await underFreshId(place, async (id) => {
    // The generator of chunks would cost a small write a tenth of its time.
    const small = body instanceof Uint8Array && body.length <= IN_PLACE_BYTES && (size ?? body.length) === body.length;
    if (!small) return await writeLarge(place, call, file, id);
    assertWanted(place.name, call);
    return await writeInPlace(place, call, file, { id, chunks: [body] });
  });
}
