import type { AlignedPair } from './aligned-memory.js';
import type { StagedFile } from './staging.js';

/** Chunks on their way to a staged file, gathered in buffers that the disk takes them from: one is filled while the other is written. */
export class AlignedBatch {
  total = 0;
  private filling: Buffer;
  private spare: Buffer;
  private filled = 0;

  constructor(
    private readonly staged: Pick<StagedFile, 'appendAligned'>,
    [first, second]: AlignedPair,
  ) {
    this.filling = first;
    this.spare = second;
  }

  /** Takes a copy of the chunk. Waits when the disk is behind. */
  push(chunk: Uint8Array): Promise<void> | undefined {
    this.total += chunk.length;
    if (this.filled + chunk.length >= this.filling.length) return this.spread(chunk);
    this.copy(chunk);
    return undefined;
  }

  /** What no buffer was full of. It must be written before the buffers are used again. */
  rest(): Buffer {
    return this.filling.subarray(0, this.filled);
  }

  private async spread(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      const part = chunk.subarray(offset, offset + this.filling.length - this.filled);
      this.copy(part);
      offset += part.length;
      if (this.filled === this.filling.length) await this.turnOver();
    }
  }

  private copy(part: Uint8Array): void {
    this.filling.set(part, this.filled);
    this.filled += part.length;
  }

  /** Begins to write the full buffer once the other one is written. */
  private async turnOver(): Promise<void> {
    await this.staged.appendAligned(this.filling);
    [this.filling, this.spare] = [this.spare, this.filling];
    this.filled = 0;
  }
}
