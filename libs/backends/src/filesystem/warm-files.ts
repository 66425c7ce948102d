import { statfs } from 'node:fs/promises';
import { timeOf } from './ids.js';
import { threadQueue } from './thread-queue.js';
import type { ThreadQueue } from './thread-queue.js';

/** How long after it was written or read a file is taken to be in the system's memory. */
const WARM_MS = 2 * 60_000;
/** Reads that are remembered, in two generations; about 100 bytes each. */
const REMEMBERED = 8192;
/** A read at once that took longer than this may have been one of the disk, or this thread had to wait for a core. */
const SLOW_MS = 5;
/** One that took this long, or so many slow ones within a span of `COLD_MS`: memory is short, or the disk is slow. */
const STUCK_MS = 100;
const MOST_SLOW = 20;
/** How long nothing is read at once after that. */
const COLD_MS = 30_000;
/** The same, where it is not known what a stuck read waited for. Should the disk hang, it then owes an answer to one that was read through the pool. */
const DOUBT_COLD_MS = 1_000;
/** How long after a slow read it is asked, of each, whether it waited for the disk or for a core. */
const DOUBT_MS = 5 * 60_000;
/** A disk that has answered none of the reads it owes for so long may be hanging. */
const SILENT_MS = 250;

/** Filesystems whose files nobody changes but this machine, by the type that statfs(2) gives: ext, xfs, btrfs, f2fs, zfs, bcachefs, tmpfs, overlay. */
const LOCAL = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0xca451a4e, 0x01021994, 0x794c7630]);

/**
 * Tells which small files may be read at once, by the thread that serves everybody: those that were written or read a moment ago on a disk of this machine, as the system has them in memory.
 * That costs a third of a turn in the thread pool. It must not wait for a disk, so whatever is in doubt goes through the pool: other filesystems, everything for a while after reads that were not
 * as quick as memory is, and everything while the disk owes answers.
 */
export class WarmFiles {
  private isLocal: boolean | undefined;
  private young = new Set<string>();
  private old = new Set<string>();
  private turnedAt = 0;
  private coldUntil = -Infinity;
  private slow = 0;
  private slowSince = -Infinity;
  private doubtUntil = -Infinity;
  private awaited = 0;
  private heardAt = 0;

  constructor(
    private readonly root: string,
    private readonly now: () => number,
    /** Milliseconds of a clock that never goes back. */
    private readonly stopwatch: () => number = () => performance.now(),
    private readonly queue: Pick<ThreadQueue, 'waitedMs'> = threadQueue,
  ) {}

  /** True if the files are known to lie on a disk of this machine; what is not known yet is asked. */
  get isLocalDisk(): boolean {
    if (this.isLocal === undefined) this.askKind();
    return this.isLocal === true;
  }

  /** True if the file of this id may be read at once. */
  has(id: string): boolean {
    const now = this.now();
    if (now > this.doubtUntil) this.doubtUntil = -Infinity;
    if (this.isLocal !== true || now < this.coldUntil) return false;
    if (this.awaited > 0 && now - this.heardAt > SILENT_MS) return false;
    return now - timeOf(id) < WARM_MS || this.young.has(id) || this.old.has(id);
  }

  /** Reads at once, and notes how long that took, and what for: on a machine with more to do than cores a thread waits for one in the middle of a read too, and no disk is to blame. */
  readAtOnce<T>(read: () => T): T {
    const began = this.stopwatch();
    // Asked for beforehand only while there is a doubt: quick reads need not pay for it.
    const waited = this.doubtUntil > -Infinity ? this.queue.waitedMs() : undefined;
    try {
      return read();
    } finally {
      const took = this.stopwatch() - began;
      if (took > SLOW_MS) this.noteSlow(took, waited);
    }
  }

  /** Reads through the pool; from then on the file is warm, if it was read. */
  async readInPool<T>(id: string, read: () => Promise<T>): Promise<T> {
    if (this.awaited === 0) this.heardAt = this.now();
    this.awaited += 1;
    try {
      const answer = await read();
      this.remember(id);
      return answer;
    } finally {
      this.awaited -= 1;
      this.heardAt = this.now();
    }
  }

  private noteSlow(took: number, waitedBefore: number | undefined): void {
    const now = this.now();
    const waited = this.queue.waitedMs();
    const isDoubt = waited !== undefined && waitedBefore === undefined;
    this.doubtUntil = now + DOUBT_MS;
    const ofDisk = waited === undefined || waitedBefore === undefined ? took : took - (waited - waitedBefore);
    if (ofDisk <= SLOW_MS) return;
    if (now - this.slowSince > COLD_MS) {
      this.slowSince = now;
      this.slow = 0;
    }
    this.slow += 1;
    if (ofDisk > STUCK_MS || this.slow > MOST_SLOW) this.coldUntil = now + (isDoubt ? DOUBT_COLD_MS : COLD_MS);
  }

  private remember(id: string): void {
    if (this.isLocal === undefined) this.askKind();
    if (this.young.size >= REMEMBERED / 2 || this.heardAt - this.turnedAt > WARM_MS / 2) {
      this.old = this.young;
      this.young = new Set();
      this.turnedAt = this.heardAt;
    }
    this.young.add(id);
  }

  /** Where the system does not say, nothing is warm. */
  private askKind(): void {
    this.isLocal = false;
    void statfs(this.root).then(
      ({ type }) => (this.isLocal = process.platform === 'linux' && LOCAL.has(type)),
      () => (this.isLocal = undefined),
    );
  }
}
