import { constants } from 'node:fs';
import { copyFile, rename, unlink } from 'node:fs/promises';
import { codeOf } from './errors.js';
import { stagedName } from './layout.js';
import type { Place } from './place.js';
import {
  closeFile,
  createFile,
  openDirect,
  openToAppend,
  syncData,
  truncate,
  writeDirect,
  writeFully,
} from './syscalls.js';

/** A write failed, and something of it may be left: it stays unsettled, so that it is found once this process is dead. */
export class LeftoverError extends AggregateError {}

/** Removes a file of a write that failed. Answers the failure, with that of the clean-up beside it if there was one. */
export async function cleanUp(path: string, failure: unknown): Promise<unknown> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      return new LeftoverError([failure, error], 'a write failed, and so did its clean-up');
  }
  return failure;
}

/**
 * A write on its way: a file named as staged, renamed to its id once it is whole and on the disk. So nobody ever sees a part of it under an id, and its session
 * tells a file that a dead writer left from one that grows. Writing overlaps with the arrival of the next chunks.
 */
export class StagedFile {
  private writing: Promise<void> = Promise.resolve();
  private open = true;
  /** Where the next bytes belong. */
  private position = 0;
  /** A second descriptor of the file, past the system's cache. Undefined until it is asked for, null where there is none. */
  private direct: number | null | undefined;

  private constructor(
    private readonly place: Place,
    private readonly target: { readonly container: string; readonly id: string },
    readonly path: string,
    private readonly fd: number,
  ) {}

  static async create(place: Place, container: string, id: string): Promise<StagedFile> {
    const path = StagedFile.pathOf(place, container, id);
    const fd = await place.slices.inside(container, id, () => createFile(path, false));
    return new StagedFile(place, { container, id }, path, fd);
  }

  /** Begins with the first `length` bytes of another file, shared with it where the disk can (reflink), else copied inside the kernel. */
  static async createFrom(
    place: Place,
    target: { container: string; id: string },
    from: { path: string; length: number },
  ): Promise<StagedFile> {
    const { container, id } = target;
    const path = StagedFile.pathOf(place, container, id);
    let fd: number | undefined;
    try {
      await place.slices.inside(container, id, () =>
        copyFile(from.path, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL),
      );
      fd = await openToAppend(path);
      await truncate(fd, from.length);
      const staged = new StagedFile(place, target, path, fd);
      staged.position = from.length;
      return staged;
    } catch (error) {
      if (fd !== undefined) await closeFile(fd);
      throw await cleanUp(path, error);
    }
  }

  static pathOf(place: Place, container: string, id: string): string {
    return `${place.layout.directories(container, id).slice}/${stagedName(id)}`;
  }

  /** Begins to write the chunks, which must not change any more; waits only for those before. */
  async append(chunks: readonly Uint8Array[]): Promise<void> {
    await this.writing;
    const at = this.position;
    this.position += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.begin(writeFully(this.fd, chunks, at));
  }

  /**
   * The same of one buffer of aligned memory, past the system's cache but for the first, at a position that is a multiple of its length. What the disk does not take so is written as all else is: both descriptors lead to
   * one file, and one sync is of both.
   */
  async appendAligned(buffer: Buffer): Promise<void> {
    await this.writing;
    const at = this.position;
    this.position += buffer.length;
    // The beginning stays in the cache: whoever opens the file soon reads it without waiting (warm-files.ts).
    this.begin(at === 0 ? writeFully(this.fd, [buffer], 0) : this.writeAligned(buffer, at));
  }

  private async writeAligned(buffer: Buffer, position: number): Promise<void> {
    if (this.direct === undefined) this.direct = (await openDirect(this.path, 'write')) ?? null;
    const written = this.direct === null ? 0 : await writeDirect(this.direct, buffer, position);
    if (written < buffer.length) await writeFully(this.fd, [buffer.subarray(written)], position + written);
  }

  private begin(writing: Promise<void>): void {
    this.writing = writing;
    // Awaited by the next append or by finish; until then a failure is not unhandled.
    writing.catch(() => undefined);
  }

  /** Syncs, renames, and syncs the directory. After it the write is durable. */
  async finish(): Promise<void> {
    await this.writing;
    await syncData(this.fd);
    await this.close();
    const { container, id } = this.target;
    await rename(this.path, this.place.layout.file(container, id));
    await this.place.slices.sync(container, id);
  }

  /** Removes what was written. Answers the failure to throw. */
  async abandon(failure: unknown): Promise<unknown> {
    await Promise.allSettled([this.writing]);
    if (this.open) await this.close();
    const { container, id } = this.target;
    const staged = await cleanUp(this.path, failure);
    return await cleanUp(this.place.layout.file(container, id), staged);
  }

  private async close(): Promise<void> {
    this.open = false;
    const { fd, direct } = this;
    await Promise.all(typeof direct === 'number' ? [closeFile(fd), closeFile(direct)] : [closeFile(fd)]);
  }
}
