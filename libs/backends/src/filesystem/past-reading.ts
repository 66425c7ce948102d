import type { AlignedPair } from './aligned-memory.js';
import type { Passage, PastCache } from './past-cache.js';
import { closeFile, openDirect, readDirect } from './syscalls.js';

/** The reading of one file past the system's cache, into two buffers that are lent to it. */
export class PastReading {
  private isLookedAt = true;

  private constructor(
    private readonly fd: number,
    private readonly passage: Passage,
  ) {}

  /** Undefined where the bytes are to be read through the cache. The end is exclusive. */
  static async open(
    pastCache: PastCache,
    path: string,
    id: string,
    { start, end }: { readonly start: number; readonly end: number },
  ): Promise<PastReading | undefined> {
    const passage = await pastCache.forReading(id, start, end);
    if (passage === undefined) return undefined;
    let fd: number | undefined;
    try {
      fd = await openDirect(path, 'read');
    } finally {
      if (fd === undefined) passage.memory.giveBack(passage.pair);
    }
    return fd === undefined ? undefined : new PastReading(fd, passage);
  }

  get buffers(): AlignedPair {
    return this.passage.pair;
  }

  /** Fills one of the buffers from that position, or less of it: where the file ends, or the disk does not read so. */
  read(buffer: Buffer, position: number): Promise<number> {
    return readDirect(this.fd, buffer, position);
  }

  /** To be called when the reader has asked for more after the last chunk, so that it looks at none any more. */
  end(): void {
    this.isLookedAt = false;
  }

  /** To be called when no read is under way. */
  async close(): Promise<void> {
    const { memory, pair } = this.passage;
    // A reader that broke off may be sending a chunk still: another's bytes must not get into it.
    if (this.isLookedAt) memory.drop();
    else memory.giveBack(pair);
    await closeFile(this.fd);
  }
}
