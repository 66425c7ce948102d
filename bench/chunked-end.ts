/** Finds the end of a chunked answer (RFC 9112 section 7.1) without keeping its content. */
export class ChunkedEnd {
  #line = '';
  #left = 0;
  #isLast = false;

  /** True when the answer has ended with these bytes. */
  take(bytes: Buffer): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at);
        this.#left -= skipped;
        at += skipped;
        continue;
      }
      const end = bytes.indexOf(0x0a, at);
      this.#line += bytes.toString('latin1', at, end < 0 ? bytes.length : end + 1);
      if (end < 0) return false;
      at = end + 1;
      if (this.#ends()) return true;
    }
    return false;
  }

  /** At the end of a line: that of a chunk's size, or one after the last chunk. */
  #ends(): boolean {
    const line = this.#line.trim();
    this.#line = '';
    if (this.#isLast) return line === '';
    const size = parseInt(line, 16);
    if (Number.isNaN(size)) throw new Error(`not the size of a chunk: ${line}`);
    // Each chunk but the last is followed by CRLF.
    this.#left = size === 0 ? 0 : size + 2;
    this.#isLast = size === 0;
    return false;
  }
}
