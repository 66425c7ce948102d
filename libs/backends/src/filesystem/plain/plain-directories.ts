import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DirectorySync } from '../directory-sync.js';
import { codeOf } from '../errors.js';

/** Directories of which it is remembered that they are durable. */
const REMEMBERED = 1024;

/** Makes a directory; true if it was there already. ENOENT where the one above is not. */
async function wasThere(directory: string): Promise<boolean> {
  try {
    await mkdir(directory);
    return false;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return true;
    throw error;
  }
}

/** The directories of plain containers: some were made here, some by others, who need not have synced them. */
export class PlainDirectories {
  /** Those that this process knows to be durable with all above them. Oldest first. */
  private readonly durable = new Set<string>();

  constructor(private readonly directories: Pick<DirectorySync, 'sync'>) {}

  /**
   * Makes a directory with those above it, down from `root`, which is there. Resolves once each one's entry is on the disk, whoever made it: another writer that is at it, or a program that never
   * syncs, else would take what is stored there along when the power fails.
   */
  async make(root: string, directory: string): Promise<void> {
    if (directory === root) return;
    const above = dirname(directory);
    const known = this.durable.has(directory);
    if ((await this.isThere(root, directory)) && known) return;
    this.durable.delete(directory);
    await this.make(root, above);
    await this.directories.sync(above);
    this.remember(directory);
  }

  private async isThere(root: string, directory: string): Promise<boolean> {
    try {
      return await wasThere(directory);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || dirname(directory) === root) throw error;
    }
    await this.make(root, dirname(directory));
    await wasThere(directory);
    return false;
  }

  private remember(directory: string): void {
    this.durable.add(directory);
    for (const oldest of this.durable) {
      if (this.durable.size <= REMEMBERED) return;
      this.durable.delete(oldest);
    }
  }
}
