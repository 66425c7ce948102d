import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const PAGE = 4096;

/** True where this account may mount a filesystem in memory. */
export async function canMount(): Promise<boolean> {
  const place = mkdtempSync(join(tmpdir(), 'spumoni-mount-'));
  try {
    const disk = await SmallDisk.at(place, 1);
    await disk.remove();
    return true;
  } catch {
    // The answer is no, whatever the reason.
    return false;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** A filesystem of its own, in memory, so small that it can be filled: what it answers then is what the system answers. */
export class SmallDisk {
  private constructor(readonly path: string) {}

  /** Mounted at the path, which is made if it is not there. */
  static async at(path: string, mebibytes: number): Promise<SmallDisk> {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'spumoni-test', path]);
    return new SmallDisk(path);
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }

  /** Leaves not a page free. */
  async fill(): Promise<void> {
    const file = await open(this.#ballast, 'a');
    try {
      for (const size of [MIB, PAGE]) await writeUntilFull(file, Buffer.alloc(size, 1));
    } finally {
      await file.close();
    }
  }

  async makeRoom(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }

  /** Paths of all files but the ballast, sorted. */
  async files(): Promise<string[]> {
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name !== 'ballast')
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  }

  /** Also while something on it is open. */
  async remove(): Promise<void> {
    await run('umount', ['--lazy', this.path]);
  }
}

async function writeUntilFull(file: { write(bytes: Uint8Array): Promise<unknown> }, bytes: Uint8Array): Promise<void> {
  for (;;) {
    try {
      await file.write(bytes);
    } catch (error) {
      if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOSPC') return;
      throw error;
    }
  }
}
