import { constants, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, unlink } from 'node:fs/promises';
import { codeOf } from './errors.js';
import { stagedName } from './layout.js';
import type { StagedName } from './layout.js';
import type { Place } from './place.js';
import { closeFile, createFile, openToAppend, syncData, truncate, writeFully } from './syscalls.js';

/** Field 22 of /proc/<pid>/stat: the start of the process. The name before it may hold anything but ends at the last `)`. */
function startedOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[19] ?? 0);
}

function ownStart(): number {
  try {
    return startedOf(readFileSync('/proc/self/stat', 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0; // no procfs, as on macOS: the pid and the file's age then decide
    throw error;
  }
}

const SELF = { pid: process.pid, started: ownStart() };

/** Whether the process that a staged file names is alive on this machine, and in this process whether the write goes on. */
export async function isWriterAlive(place: Place, staged: StagedName): Promise<boolean> {
  if (staged.pid === SELF.pid && staged.started === SELF.started) return place.active.has(staged.id);
  try {
    return startedOf(await readFile(`/proc/${staged.pid}/stat`, 'utf8')) === staged.started;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Makes a file below a fan-out directory, and that directory first if it is the first there. */
export async function inFan<T>(place: Place, container: string, id: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const fan = place.layout.fan(container, id);
  place.durableFans.delete(fan);
  await mkdir(fan, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  return await make();
}

/** Resolves once the entry of `id` is durable, and so is the directory that it is in. */
export async function syncEntry(place: Place, container: string, id: string): Promise<void> {
  const fan = place.layout.fan(container, id);
  await place.directories.sync(fan);
  if (place.durableFans.has(fan)) return;
  await place.directories.sync(place.layout.container(container));
  place.durableFans.add(fan);
}

/** Removes a file of a write that failed. Answers the failure, with that of the clean-up beside it if there was one. */
export async function cleanUp(path: string, failure: unknown): Promise<unknown> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT')
      return new AggregateError([failure, error], 'a write failed, and so did its clean-up');
  }
  return failure;
}

/**
 * A write on its way: a file whose name says who writes it, renamed to its id once it is whole and on the disk. So nobody ever sees a part of it under an
 * id, and a file that a dead writer left is told from one that grows. Writing overlaps with the arrival of the next chunks.
 */
export class StagedFile {
  private writing: Promise<void> = Promise.resolve();
  private open = true;

  private constructor(
    private readonly place: Place,
    private readonly target: { readonly container: string; readonly id: string },
    readonly path: string,
    private readonly fd: number,
  ) {}

  static async create(place: Place, container: string, id: string): Promise<StagedFile> {
    const path = StagedFile.pathOf(place, container, id);
    place.active.add(id);
    try {
      const fd = await inFan(place, container, id, () => createFile(path, false));
      return new StagedFile(place, { container, id }, path, fd);
    } catch (error) {
      place.active.delete(id);
      throw error;
    }
  }

  /** Begins with the first `length` bytes of another file, shared with it where the disk can (reflink), else copied inside the kernel. */
  static async createFrom(
    place: Place,
    target: { container: string; id: string },
    from: { path: string; length: number },
  ): Promise<StagedFile> {
    const { container, id } = target;
    const path = StagedFile.pathOf(place, container, id);
    place.active.add(id);
    let fd: number | undefined;
    try {
      await inFan(place, container, id, () =>
        copyFile(from.path, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL),
      );
      fd = await openToAppend(path);
      await truncate(fd, from.length);
      return new StagedFile(place, target, path, fd);
    } catch (error) {
      if (fd !== undefined) await closeFile(fd);
      const failure = await cleanUp(path, error);
      place.active.delete(id);
      throw failure;
    }
  }

  static pathOf(place: Place, container: string, id: string): string {
    return `${place.layout.fan(container, id)}/${stagedName({ id, ...SELF })}`;
  }

  /** Begins to write the chunks, which must not change any more; waits only for those before. */
  async append(chunks: readonly Uint8Array[]): Promise<void> {
    await this.writing;
    this.writing = writeFully(this.fd, chunks);
    // Awaited by the next append or by finish; until then a failure is not unhandled.
    this.writing.catch(() => undefined);
  }

  /** Syncs, renames, and syncs the directory. After it the write is durable. */
  async finish(): Promise<void> {
    await this.writing;
    await syncData(this.fd);
    await this.close();
    const { container, id } = this.target;
    await rename(this.path, this.place.layout.file(container, id));
    await syncEntry(this.place, container, id);
    this.place.active.delete(id);
  }

  /** Removes what was written. Answers the failure to throw. */
  async abandon(failure: unknown): Promise<unknown> {
    await Promise.allSettled([this.writing]);
    if (this.open) await this.close();
    const { container, id } = this.target;
    const staged = await cleanUp(this.path, failure);
    const both = await cleanUp(this.place.layout.file(container, id), staged);
    this.place.active.delete(id);
    return both;
  }

  private async close(): Promise<void> {
    this.open = false;
    await closeFile(this.fd);
  }
}
