/** What the two characters that are written otherwise begin with. */
const MARK = '\u001b';
const ESCAPE = /\\(?:u[0-9a-f]{4}|.)/g;
const MARKED = new RegExp(`${MARK}[0e]`, 'g');

/** What Postgres may hold of a text: no U+0000, and no half of a surrogate pair. For what is shown, not for what must be found again. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

/**
 * JSON for a jsonb column, which cannot hold U+0000 in a text though keys of objects may: U+0000 is written as U+001B `0`, and U+001B as U+001B `e`. Half of a surrogate pair, of which no key
 * consists, becomes U+FFFD. `restored` takes it back.
 */
export function storableJson(value: unknown): string {
  return JSON.stringify(value).replace(ESCAPE, (escape) => {
    if (escape === '\\u0000') return '\\u001b0';
    if (escape === '\\u001b') return '\\u001be';
    return /^\\ud[89a-f]/.test(escape) ? '\\ufffd' : escape;
  });
}

/** The value that was stored. */
export function restored<T>(value: T): T;
export function restored(value: unknown): unknown {
  if (typeof value === 'string')
    return value.includes(MARK) ? value.replace(MARKED, (two) => (two === `${MARK}0` ? '\0' : MARK)) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => restored(item));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [restored(name), restored<unknown>(item)]));
}
