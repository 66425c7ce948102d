import { beginsWithKey, decodeFooter, decodeTrailer, isTrailerWhole } from './format.js';
import type { Footer, Trailer } from './format.js';

/** What a finished file tells about itself. Its trailer is read when it is asked for: most reads need to know no more than that it is of their key. */
export class FileFacts {
  private read: Trailer | undefined;

  private constructor(
    readonly footer: Footer,
    private readonly tail: Buffer,
    /** All of the file, where it was small enough. */
    readonly whole: Buffer | undefined,
  ) {}

  /** Of the last bytes of a file of that size. Undefined if it is not finished, or its trailer is damaged. */
  static of(tail: Buffer, size: number): FileFacts | undefined {
    const footer = decodeFooter(tail, size);
    if (footer === undefined || !isTrailerWhole(tail, footer)) return undefined;
    return new FileFacts(footer, tail, tail.length === size ? tail : undefined);
  }

  /** False if another program wrote the trailer. */
  get isOurs(): boolean {
    return this.readTrailer() !== undefined;
  }

  /** Whether the write was one of that key. */
  isOf(key: string): boolean {
    return beginsWithKey(this.tail, this.footer, key) || this.readTrailer()?.key === key;
  }

  get trailer(): Trailer {
    const trailer = this.readTrailer();
    if (trailer === undefined) throw new Error('the trailer of a file has the form of another program');
    return trailer;
  }

  private readTrailer(): Trailer | undefined {
    this.read ??= decodeTrailer(this.tail, this.footer);
    return this.read;
  }
}
