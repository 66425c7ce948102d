/**
 * The order of the index: UTF-8 bytes. JavaScript's own `<` compares UTF-16 units and puts U+1F600 before U+FF5E; bytes do not.
 * Negative, zero or positive, as `Array.prototype.sort` wants it.
 */
export function compareUtf8(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/**
 * Throws `TypeError` for text with a lone surrogate: it has no UTF-8 form, so two such keys would meet under one replacement character.
 * `what` names the argument in the message.
 */
export function requireWellFormed(what: string, text: string): void {
  if (!text.isWellFormed()) throw new TypeError(`${what} must be well-formed Unicode, but it holds a lone surrogate`);
}

/** Throws `TypeError` unless the key is well-formed and not empty (an empty marker means "from the start"). */
export function requireKey(key: string): void {
  if (key === '') throw new TypeError('a key must hold at least one character');
  requireWellFormed('a key', key);
}

/** Throws `RangeError` unless `limit` is a whole number from 0 to `most`. */
export function requireLimit(limit: number, most: number = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isInteger(limit) || limit < 0 || limit > most)
    throw new RangeError(`limit must be a whole number from 0 to ${most}, but it is ${limit}`);
}

/** The most entries of one page of a listing, as in S3. */
export const MAX_PAGE = 1000;

/**
 * The common prefix that a listing shows in place of `key`: up to and including the first delimiter after the prefix.
 * Undefined when the key stands for itself. An empty delimiter is none.
 */
export function commonPrefixOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}
