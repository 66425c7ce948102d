/** As much of it as is used: TypeScript knows WebAssembly as a part of browsers alone. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** The length of one buffer; a multiple of every disk's block. With half of it the disk's calls cost half as much again, with more the rate is no better. */
export const ALIGNED_BYTES = 1024 * 1024;
/** In which WebAssembly counts memory (its specification, section 4.2.8). */
const WASM_PAGE = 64 * 1024;
/** Pairs that may be out at a time. Each takes 2 MiB of memory, and 8 GiB of addresses that stay empty. */
const MOST_PAIRS = 32;

/** Two buffers of one transfer: one is filled while the disk has the other. */
export type AlignedPair = readonly [Buffer, Buffer];

/**
 * Buffers that begin at a page of the machine, as O_DIRECT asks for. A Buffer of Node begins 16 bytes after one, the memory of a WebAssembly module always at one. They are used again.
 */
export class AlignedMemory {
  private readonly free: AlignedPair[] = [];
  private out = 0;

  /** Two buffers of `ALIGNED_BYTES`, to be given back or dropped; undefined where too many are out, or the system sets no more addresses apart. */
  take(): AlignedPair | undefined {
    if (this.out >= MOST_PAIRS) return undefined;
    const pair = this.free.pop() ?? newPair();
    if (pair) this.out += 1;
    return pair;
  }

  /** To be called once nobody looks at them any more, the disk included. */
  giveBack(pair: AlignedPair): void {
    this.out -= 1;
    this.free.push(pair);
  }

  /** To be called instead where somebody may still look at them: nobody else gets them. */
  drop(): void {
    this.out -= 1;
  }
}

function newPair(): AlignedPair | undefined {
  try {
    const { buffer } = new WebAssembly.Memory({ initial: (2 * ALIGNED_BYTES) / WASM_PAGE });
    return [Buffer.from(buffer, 0, ALIGNED_BYTES), Buffer.from(buffer, ALIGNED_BYTES, ALIGNED_BYTES)];
  } catch (error) {
    // A limit on addresses (ulimit -v): the transfer then goes as a small one does.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
