import { statfs } from 'node:fs/promises';
import { AlignedMemory, type AlignedPair } from './aligned-memory.js';

/** From here on the bytes of a transfer go past the system's cache. Parts that a vendor's tools cut are smaller, and read again when they are put together. */
const LEAST_BYTES = 16 * 1024 * 1024;
/** Where O_DIRECT means that the disk takes from and gives to the very memory that is named, by the type that statfs(2) gives: ext, xfs. */
const KINDS = new Set([0xef53, 0x58465342]);
/** Every disk's block divides it. */
const BLOCK_BYTES = 4096;
/** So often within a while a file is read from the disk; who reads on gets it from the cache. A read that fills the cache costs as much more CPU than one past it as four out of it save. */
const READS_PAST = 4;
const WHILE_MS = 5 * 60_000;
/** Files whose reads are counted, in two generations. */
const COUNTED = 4096;

/** Of all backends of this process: what waits for a slow client on one side takes nothing from the other. */
const forWriting = new AlignedMemory();
const forReading = new AlignedMemory();

/** Buffers for a transfer past the cache, and where they came from. */
export interface Passage {
  readonly pair: AlignedPair;
  readonly memory: AlignedMemory;
}

/**
 * Tells which transfers go past the system's cache (O_DIRECT), and lends them their memory. The cache's copy of a large body costs more than all else that is done for it, and drives everybody else's files out.
 */
export class PastCache {
  private possible: Promise<boolean> | undefined;
  private young = new Map<string, number>();
  private old = new Map<string, number>();
  private turnedAt = -Infinity;

  constructor(
    private readonly root: string,
    private readonly now: () => number,
  ) {}

  /** For a body of that size, to be written; undefined where it is to be written through the cache. */
  async forWriting(size: number | undefined): Promise<Passage | undefined> {
    if (size === undefined || size < LEAST_BYTES || !(await this.isPossible())) return undefined;
    return lend(forWriting);
  }

  /** For bytes of one write, to be read; undefined where they are to be read through the cache. The end is exclusive. */
  async forReading(id: string, start: number, end: number): Promise<Passage | undefined> {
    if (end - start < LEAST_BYTES || start % BLOCK_BYTES !== 0 || !(await this.isPossible())) return undefined;
    return this.count(id) > READS_PAST ? undefined : lend(forReading);
  }

  /** How often the file was read in the last while, this time included. */
  private count(id: string): number {
    const now = this.now();
    if (now - this.turnedAt > WHILE_MS || this.young.size >= COUNTED / 2) {
      this.old = now - this.turnedAt > 2 * WHILE_MS ? new Map<string, number>() : this.young;
      this.young = new Map();
      this.turnedAt = now;
    }
    const count = (this.young.get(id) ?? this.old.get(id) ?? 0) + 1;
    this.young.set(id, count);
    return count;
  }

  /** Asked once: a root that is mounted anew is a backend that is opened anew. */
  private async isPossible(): Promise<boolean> {
    this.possible ??= statfs(this.root).then(
      ({ type }) => process.platform === 'linux' && KINDS.has(type),
      () => {
        this.possible = undefined;
        return false;
      },
    );
    return await this.possible;
  }
}

function lend(memory: AlignedMemory): Passage | undefined {
  const pair = memory.take();
  return pair && { pair, memory };
}
