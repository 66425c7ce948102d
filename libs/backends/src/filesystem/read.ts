import { crc32 } from 'node:zlib';
import { BackendError } from '../errors.js';
import type { ByteRange, Call, GetRequest, GetResult, ObjectHead } from '../object-backend.js';
import { DEFAULT_CLASS } from './capabilities.js';
import { assertWanted, systemFailure } from './errors.js';
import { FileFacts } from './file-facts.js';
import { decodeFooter, FOOTER_BYTES } from './format.js';
import { PastReading } from './past-reading.js';
import type { Place } from './place.js';
import { closeFile, readBeginning, readBeginningAtOnce, readFully, sizeOf } from './syscalls.js';
import type { Beginning } from './syscalls.js';
import type { WarmFiles } from './warm-files.js';

/** The beginning that is read at once: all of a file that was written in place, nearly always. */
const BEGINNING_BYTES = 72 * 1024;
/** A file up to this size is read whole. */
const WHOLE_BYTES = 128 * 1024;
/** How much of a larger file's end is read at first: nearly every trailer fits. */
const TAIL_BYTES = 4 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/** Buffers for beginnings, used again: to make one costs more than to read a small file. */
const beginnings: Buffer[] = [];
const KEPT_BEGINNINGS = 32;

/** A file that was looked into. No facts: it is not finished, or not ours. `fd` is open where the file was too large to be read at once. */
export interface OpenedFile {
  readonly facts: FileFacts | undefined;
  readonly fd: number | undefined;
}

async function readTail(fd: number, fileSize: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  return buffer.subarray(0, await readFully(fd, buffer, fileSize - length));
}

async function readFacts(fd: number): Promise<FileFacts | undefined> {
  const size = sizeOf(fd);
  if (size < FOOTER_BYTES) return undefined;
  let tail = await readTail(fd, size, size <= WHOLE_BYTES ? size : TAIL_BYTES);
  const needed = (decodeFooter(tail, size)?.trailerLength ?? 0) + FOOTER_BYTES;
  if (needed > tail.length) tail = await readTail(fd, size, needed);
  return FileFacts.of(tail, size);
}

/** How a file is begun to be read. */
type ReadBeginning = (path: string, buffer: Buffer) => Promise<Beginning> | Beginning;

/** Reads what a file tells about itself: a small one by one read, without asking for its size. */
async function openFile(path: string, read: ReadBeginning): Promise<OpenedFile> {
  const buffer = beginnings.pop() ?? Buffer.allocUnsafeSlow(BEGINNING_BYTES);
  const begun = read(path, buffer);
  const { count, fd } = begun instanceof Promise ? await begun : begun;
  // Not given back where the call failed: a buffer is cheaper than the thought that someone still writes to it.
  const whole = fd === undefined ? Buffer.from(buffer.subarray(0, count)) : undefined;
  if (beginnings.length < KEPT_BEGINNINGS) beginnings.push(buffer);
  if (fd === undefined) return { facts: whole && FileFacts.of(whole, count), fd };
  try {
    return { facts: await readFacts(fd), fd };
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}

/** Reads what a file tells about itself, and keeps nothing open. */
export async function inspectFile(path: string): Promise<FileFacts | undefined> {
  const { facts, fd } = await openFile(path, readBeginning);
  if (fd !== undefined) await closeFile(fd);
  return facts?.isOurs === true ? facts : undefined;
}

/** False if the body of a small file is not the one that was written. Larger ones are checked by whoever knows their checksum. */
export function isBodyWhole({ footer, whole }: FileFacts): boolean {
  if (footer.bodyCrc === undefined || whole === undefined) return true;
  return crc32(whole.subarray(0, footer.bodyLength)) === footer.bodyCrc;
}

export function headOf(container: string, id: string, { footer, trailer }: FileFacts, withTags: boolean): ObjectHead {
  const { headers, metadata, tags, storageClass = DEFAULT_CLASS, writeId } = trailer.attributes;
  return {
    container,
    key: trailer.key,
    token: id,
    vendorEtag: id,
    size: footer.bodyLength,
    lastModified: new Date(trailer.modified),
    storageClass,
    headers,
    metadata,
    ...(withTags ? { tags } : {}),
    ...(writeId === undefined ? {} : { writeId }),
  };
}

interface WriteOfKey {
  readonly container: string;
  readonly key: string;
  readonly token: string;
}

/** Reads the beginning at once where the file is warm, else in the thread pool. */
function readerOf(warm: WarmFiles, id: string): ReadBeginning {
  const inPool: ReadBeginning = (path, buffer) => warm.readInPool(id, () => readBeginning(path, buffer));
  if (!warm.has(id)) return inPool;
  return (path, buffer) => {
    try {
      return warm.readAtOnce(() => readBeginningAtOnce(path, buffer));
    } catch {
      return inPool(path, buffer); // which says what is wrong, if it still is
    }
  };
}

/** Opens the file of one write of one key. The caller closes `fd` where there is one. `not-found` if that write of that key is not there. */
async function openWrite(place: Place, ref: WriteOfKey): Promise<{ fd: number | undefined; facts: FileFacts }> {
  const absent = (): BackendError => new BackendError('not-found', 'no such object', { backend: place.name });
  const path = place.layout.fileOfToken(ref.container, ref.token);
  if (path === undefined) throw absent();
  const { fd, facts } = await openFile(path, readerOf(place.warm, ref.token));
  if (facts?.isOf(ref.key) === true) return { fd, facts };
  if (fd !== undefined) await closeFile(fd);
  throw absent();
}

/** The facts of one write of one key. `not-found` if that write of that key is not there. */
export async function inspectWrite(place: Place, ref: WriteOfKey): Promise<FileFacts> {
  const { fd, facts } = await openWrite(place, ref);
  if (fd !== undefined) await closeFile(fd);
  return facts;
}

/** What is read of an open file; the end is exclusive. */
export interface FileSpan {
  readonly start: number;
  readonly end: number;
  readonly transient: boolean;
  /** Asked when the first byte is: a way past the system's cache, if there is one. Only for transient chunks. */
  readonly past?: () => Promise<PastReading | undefined>;
  /** Throws if the bytes that were read may be others than those that were asked for. */
  readonly assertSame?: () => void;
}

/** A chunk, and the buffer that it is the beginning of. */
interface Chunk {
  readonly buffer: Buffer;
  readonly bytes: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** The bytes of a range from an open file, the next read being under way while a chunk is used. Closes the file at its end, however that comes. */
export class FileBody implements AsyncIterable<Uint8Array> {
  private closing: Promise<void> | undefined;
  private reading: Promise<unknown> = Promise.resolve();
  private readonly spare: Buffer[] = [];
  private past: PastReading | undefined;

  constructor(
    private readonly place: Place,
    private readonly call: Call,
    private readonly fd: number,
    private readonly span: FileSpan,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { start, end } = this.span;
    try {
      this.past = await this.span.past?.();
      this.spare.push(...(this.past?.buffers ?? []));
      let ahead = this.read(start);
      for (let at = start; at < end; at += CHUNK_BYTES) {
        const chunk = await ahead;
        assertWanted(this.place.name, this.call);
        this.span.assertSame?.();
        ahead = this.read(at + CHUNK_BYTES);
        yield chunk.bytes;
        if (this.span.transient) this.spare.push(chunk.buffer);
      }
      this.past?.end();
      assertWanted(this.place.name, this.call);
    } catch (error) {
      throw systemFailure(this.place.name, error, 'reading an object');
    } finally {
      await this.close();
    }
  }

  /** Closes the file, after the read that is under way. */
  async close(): Promise<void> {
    this.closing ??= Promise.allSettled([this.reading]).then(() => closeFile(this.fd));
    await this.closing;
    const { past } = this;
    this.past = undefined;
    await past?.close();
  }

  private read(at: number): Promise<Chunk> {
    const reading = this.readChunk(at);
    this.reading = reading;
    // Awaited when the consumer asks for it; until then a failure is not unhandled.
    reading.catch(() => undefined);
    return reading;
  }

  private async readChunk(at: number): Promise<Chunk> {
    const length = Math.min(CHUNK_BYTES, this.span.end - at);
    if (length <= 0) return { buffer: NOTHING, bytes: NOTHING };
    if (this.closing !== undefined)
      throw new BackendError('unavailable', 'the transfer is closed', { backend: this.place.name });
    const spare = length === CHUNK_BYTES || this.past !== undefined ? this.spare.pop() : undefined;
    const buffer = spare ?? Buffer.allocUnsafeSlow(length);
    const bytes = buffer.subarray(0, length);
    const count = this.past === undefined ? 0 : Math.min(length, await this.past.read(buffer, at));
    if (count < length && (await readFully(this.fd, bytes.subarray(count), at + count)) < length - count)
      throw new BackendError('integrity', 'a file is shorter than it says', { backend: this.place.name });
    return { buffer, bytes };
  }
}

/** Bytes that are at hand, as a body. */
class WholeBody implements AsyncIterable<Uint8Array> {
  constructor(
    private readonly place: Place,
    private readonly call: Call,
    private readonly bytes: Buffer,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    assertWanted(this.place.name, this.call);
    if (this.bytes.length > 0) yield this.bytes;
    await Promise.resolve();
  }
}

/** Opens one write for reading. A small one is read, checked and closed before this resolves; a larger one holds a descriptor until its body ends. */
export async function openBody(
  place: Place,
  call: Call,
  request: GetRequest & { readonly token: string },
): Promise<GetResult> {
  const { fd, facts } = await openWrite(place, request);
  const { start, end } = spanOf(request.range, facts.footer.bodyLength);
  if (facts.whole === undefined && fd !== undefined) {
    const path = place.layout.file(request.container, request.token);
    const transient = request.transientChunks === true;
    const past = (): Promise<PastReading | undefined> =>
      PastReading.open(place.pastCache, path, request.token, { start, end });
    const body = new FileBody(place, call, fd, { start, end, transient, ...(transient ? { past } : {}) });
    const head = headOf(request.container, request.token, facts, false);
    return { head, body, discard: () => void body.close() };
  }
  if (fd !== undefined) await closeFile(fd);
  if (facts.whole === undefined || !isBodyWhole(facts))
    throw new BackendError('integrity', 'the bytes of a file are not those that were written', { backend: place.name });
  const whole = facts.whole.subarray(start, end);
  return {
    // Made when it is asked for: who reads by a record does not need it.
    get head() {
      return headOf(request.container, request.token, facts, false);
    },
    body: new WholeBody(place, call, whole),
    whole,
    discard: () => undefined,
  };
}

/** The range, or all, of a body of that length; the end is exclusive. */
export function spanOf(range: ByteRange | undefined, length: number): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: length };
  return { start: range.start, end: Math.min(range.end + 1, length) };
}
