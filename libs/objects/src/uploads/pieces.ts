/**
 * Cuts a stream into pieces of at most so many bytes, of which only the last may be shorter; none is empty. Each must be read to its end before the next is asked for.
 * The source is closed when the reader stops early.
 */
export async function* piecesOf(
  source: AsyncIterable<Uint8Array>,
  most: number,
): AsyncGenerator<AsyncIterable<Uint8Array>> {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Uint8Array | undefined;
  const next = async (): Promise<Uint8Array | undefined> => {
    if (rest) return rest;
    for (;;) {
      const { value, done } = (await chunks.next()) as IteratorResult<Uint8Array, undefined>;
      if (done) return undefined;
      if (value.byteLength > 0) return value;
    }
  };
  async function* piece(): AsyncGenerator<Uint8Array> {
    for (let left = most; left > 0;) {
      const chunk = await next();
      if (!chunk) return;
      rest = chunk.byteLength > left ? chunk.subarray(left) : undefined;
      const part = chunk.subarray(0, left);
      left -= part.byteLength;
      yield part;
    }
  }
  try {
    while ((rest = await next())) yield piece();
  } finally {
    await chunks.return?.();
  }
}
