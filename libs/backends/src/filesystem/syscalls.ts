import * as fs from 'node:fs';
import { codeOf } from './errors.js';

/*
 * The descriptor calls of the data path as promises. node:fs callbacks and not FileHandle: a FileHandle costs about twice the CPU of a small write.
 */

type Done<T> = (error: Error | null, value: T) => void;

function promised<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    start((error, value) => (error === null ? resolve(value) : reject(error)));
  });
}

function settled(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    start((error) => (error === null ? resolve() : reject(error)));
  });
}

/** Opens for reading; a symbolic link in the last place is refused with ELOOP. */
export function openToRead(path: string): Promise<number> {
  return promised((done) => fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW, done));
}

/** Closes, at once, what was opened for reading, or was written and is on a local disk: that waits for no disk, and a turn in the thread pool costs ten times as much. Answers a failure. */
export function closeAtOnce(fd: number): Error | undefined {
  try {
    fs.closeSync(fd);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error('a descriptor did not close', { cause: error });
  }
}

/** How a file begins. `fd` is open, and the caller's to close, where the buffer was too small to show that the file ends. */
export interface Beginning {
  readonly count: number;
  readonly fd: number | undefined;
}

/** Opens a file, reads its beginning and, if that is all of it, closes it: one promise for the three calls of a small read. */
export function readBeginning(path: string, buffer: Buffer): Promise<Beginning> {
  return new Promise((resolve, reject) => {
    fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW, (unopened, fd) => {
      if (unopened !== null) {
        reject(unopened);
        return;
      }
      fs.read(fd, buffer, 0, buffer.length, 0, (unread, count) => {
        if (unread === null && count === buffer.length) {
          resolve({ count, fd });
          return;
        }
        const unclosed = closeAtOnce(fd);
        if (unread !== null) reject(unread);
        else if (unclosed !== undefined) reject(unclosed);
        else resolve({ count, fd: undefined });
      });
    });
  });
}

/**
 * The same, at once, of a file that the system has in memory. Throws where the system refuses, for example to leave the time of access as it is (EPERM, a file of somebody else).
 * A read that does not touch the inode never waits for the disk's journal.
 */
export function readBeginningAtOnce(path: string, buffer: Buffer): Beginning {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOATIME } = fs.constants;
  const fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME);
  let count = -1;
  try {
    count = fs.readSync(fd, buffer, 0, buffer.length, 0);
  } finally {
    if (count < buffer.length) fs.closeSync(fd);
  }
  return { count, fd: count < buffer.length ? undefined : fd };
}

/** Makes a file that is not there yet. With `synced` each write of it is on the disk, size included, when it returns (O_DSYNC). */
export function createFile(path: string, synced: boolean): Promise<number> {
  return promised((done) => fs.open(path, flagsToCreate(synced), 0o600, done));
}

function flagsToCreate(synced: boolean): number {
  const { O_CREAT, O_EXCL, O_WRONLY, O_DSYNC, O_NOFOLLOW } = fs.constants;
  return O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | (synced ? O_DSYNC : 0);
}

/** How a small file is written. */
export interface SmallWrite {
  /** Called once the file is there. What fails before has made none. */
  readonly made: () => void;
  /** Whether its disk is one of this machine, so that closing what is down already waits for nothing. */
  readonly isLocal: boolean;
}

/** Makes a file that is not there yet, writes all of it and closes it: one promise for the three calls of a small write. When it resolves the bytes are on the disk (O_DSYNC); it is closed however it ends. */
export function createWritten(path: string, chunks: readonly Uint8Array[], how: SmallWrite): Promise<void> {
  const { made, isLocal } = how;
  return new Promise((resolve, reject) => {
    fs.open(path, flagsToCreate(true), 0o600, (unopened, fd) => {
      if (unopened !== null) {
        reject(unopened);
        return;
      }
      made();
      fs.writev(fd, chunks, null, (unwritten, written) => {
        const rest = unwritten === null ? restOf(chunks, written) : [];
        const closed = (unclosed?: Error | null): void => {
          const failure = unwritten ?? unclosed;
          if (failure) reject(failure);
          else resolve();
        };
        if (rest.length > 0) resolve(writeRest(fd, rest, isLocal));
        else if (isLocal) closed(closeAtOnce(fd));
        else fs.close(fd, closed);
      });
    });
  });
}

/** For the disk that took only a part at once, as it does shortly before it is full. */
async function writeRest(fd: number, rest: readonly Uint8Array[], isLocal: boolean): Promise<void> {
  let unclosed: Error | undefined;
  try {
    await writeFully(fd, rest);
  } finally {
    if (isLocal) unclosed = closeAtOnce(fd);
    else await closeFile(fd);
  }
  if (unclosed !== undefined) throw unclosed;
}

/** Opens an existing file for writing at its end. */
export function openToAppend(path: string): Promise<number> {
  const { O_WRONLY, O_APPEND, O_NOFOLLOW } = fs.constants;
  return promised((done) => fs.open(path, O_WRONLY | O_APPEND | O_NOFOLLOW, done));
}

/** Reads until the buffer is full or the file ends, and answers how much. */
export async function readFully(fd: number, buffer: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const at = filled;
    const count = await promised<number>((done) => fs.read(fd, buffer, at, buffer.length - at, position + at, done));
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** Opens a file that is open already once more, past the system's cache (O_DIRECT); undefined where its filesystem has no such thing (EINVAL), or the file was removed meanwhile (ENOENT). */
export async function openDirect(path: string, access: 'read' | 'write'): Promise<number | undefined> {
  const { O_RDONLY, O_WRONLY, O_DIRECT, O_NOFOLLOW } = fs.constants;
  const flags = (access === 'read' ? O_RDONLY : O_WRONLY) | O_DIRECT | O_NOFOLLOW;
  const opened = promised<number>((done) => fs.open(path, flags, done));
  return await unless<number | undefined>(['EINVAL', 'ENOENT'], opened, undefined);
}

/** Reads once, and answers how much came; 0 too where nothing is read so (EINVAL: the memory, position or length are not aligned enough for the disk). */
export function readDirect(fd: number, buffer: Buffer, position: number): Promise<number> {
  const read = promised<number>((done) => fs.read(fd, buffer, 0, buffer.length, position, done));
  return unless(['EINVAL'], read, 0);
}

/** Writes once, and answers how much was taken; 0 where nothing is written so (EINVAL, as above). */
export function writeDirect(fd: number, buffer: Buffer, position: number): Promise<number> {
  const written = promised<number>((done) => fs.write(fd, buffer, 0, buffer.length, position, done));
  return unless(['EINVAL'], written, 0);
}

async function unless<T>(codes: readonly string[], call: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (codes.includes(codeOf(error) ?? '')) return otherwise;
    throw error;
  }
}

/** Writes all of the chunks, at the position or else that of the descriptor, however often the system takes only a part. */
export async function writeFully(fd: number, chunks: readonly Uint8Array[], position?: number): Promise<void> {
  let left = chunks.filter((chunk) => chunk.length > 0);
  let at = position;
  while (left.length > 0) {
    const written = await promised<number>((done) => fs.writev(fd, left, at ?? null, done));
    if (at !== undefined) at += written;
    left = restOf(left, written);
  }
}

/** What is left of the chunks when so many bytes of them have gone. */
function restOf(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let gone = written;
  for (const chunk of chunks) {
    if (gone < chunk.length) rest.push(chunk.subarray(gone));
    gone = Math.max(0, gone - chunk.length);
  }
  return rest;
}

export function closeFile(fd: number): Promise<void> {
  return settled((done) => fs.close(fd, done));
}
export function syncData(fd: number): Promise<void> {
  return settled((done) => fs.fdatasync(fd, done));
}
export function syncAll(fd: number): Promise<void> {
  return settled((done) => fs.fsync(fd, done));
}
export function truncate(fd: number, length: number): Promise<void> {
  return settled((done) => fs.ftruncate(fd, length, done));
}

/** The size of an open file. Synchronous: `open` has loaded the inode, so nothing is waited for, and a thread-pool hop would cost ten times as much. */
export function sizeOf(fd: number): number {
  return fs.fstatSync(fd).size;
}
