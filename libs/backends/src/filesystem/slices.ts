import { mkdir, rmdir } from 'node:fs/promises';
import type { DirectorySync } from './directory-sync.js';
import { codeOf } from './errors.js';
import { timeOf } from './ids.js';
import type { Layout } from './layout.js';

/** Slices of which it is remembered that they are durable. Each container that is written to has one or two at a time. */
const REMEMBERED = 1024;
/** No slice is remembered for longer, so that one may be removed once it is empty and older than `REMOVABLE_MS`. */
const REMEMBERED_MS = 60 * 60_000;
const REMOVABLE_MS = 24 * 60 * 60_000;

/** Makes a directory, unless it is there already. */
async function mkdirIfAbsent(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

/** Removes a directory if it is empty; true if it is gone now. */
async function rmdirIfEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** The directories of slices of time: made by the first write in each, synced by all, removed by the last deletion in an old one. */
export class Slices {
  /** Slices that this process knows to be durable with all above them. Oldest first. */
  private readonly durable = new Set<string>();

  constructor(
    private readonly layout: Layout,
    private readonly directories: DirectorySync,
    private readonly now: () => number,
  ) {}

  /** Makes a file in the slice of `id`, and the slice first where it is not there. Fails with ENOENT if there is no container. */
  async inside<T>(container: string, id: string, make: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await make();
      } catch (error) {
        // More than one attempt: an old slice may be removed between its making and that of the file.
        if (codeOf(error) !== 'ENOENT' || attempt > 3) throw error;
      }
      const { period, slice } = this.layout.directories(container, id);
      this.forget(slice);
      await mkdirIfAbsent(period);
      await mkdirIfAbsent(slice);
    }
  }

  /** Resolves once the entry of `id` is durable, and so are the directories above it. */
  async sync(container: string, id: string): Promise<void> {
    const { container: top, period, slice } = this.layout.directories(container, id);
    if (this.durable.has(slice)) {
      await this.directories.sync(slice);
      return;
    }
    await Promise.all([this.directories.sync(slice), this.directories.sync(period), this.directories.sync(top)]);
    if (this.now() - timeOf(id) > REMEMBERED_MS) return;
    this.durable.add(slice);
    for (const oldest of this.durable) {
      if (this.durable.size <= REMEMBERED) break;
      this.durable.delete(oldest);
    }
  }

  /** Makes the removal of `id` durable, and removes its slice if that is old and empty now. */
  async syncRemoval(container: string, id: string): Promise<void> {
    const { container: top, period, slice } = this.layout.directories(container, id);
    const old = this.now() - timeOf(id) > REMOVABLE_MS;
    // A slice that is not empty stays, and then so does its period.
    if (old && (await this.removed(slice))) await this.removed(period);
    for (const directory of [slice, period]) if (await this.syncIfThere(directory)) return;
    await this.directories.sync(top);
  }

  /** To be called for a slice that is removed or was not there. */
  forget(slice: string): void {
    this.durable.delete(slice);
  }

  private async removed(directory: string): Promise<boolean> {
    this.forget(directory);
    return await rmdirIfEmpty(directory);
  }

  private async syncIfThere(directory: string): Promise<boolean> {
    try {
      await this.directories.sync(directory);
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
}
