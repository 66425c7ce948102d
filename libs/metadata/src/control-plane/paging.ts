/** Lists are in the order of `after` (exclusive); `limit` is 1 to 1,000. */
export interface PageRequest {
  readonly limit: number;
  readonly after?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** To be given as `after`; absent on the last page. */
  readonly next?: string;
}

/** How many rows to read: one more than asked for tells whether there is a next page. */
export function rowsToRead(page: PageRequest): number {
  if (!Number.isInteger(page.limit) || page.limit < 1 || page.limit > 1_000) {
    throw new RangeError(`limit must be a whole number from 1 to 1000, not ${page.limit}`);
  }
  return page.limit + 1;
}

/** Cuts the extra row off and names the last row kept as the next page's `after`. */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  shape: { readonly record: (row: Row) => T; readonly cursor: (row: Row) => string },
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const items = kept.map(shape.record);
  return rows.length > limit && last !== undefined ? { items, next: shape.cursor(last) } : { items };
}
