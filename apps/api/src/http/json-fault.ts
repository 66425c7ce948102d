/** Where a text stops being JSON (RFC 8259). Positions are counted from 0, lines and columns from 1. Nothing of the text itself is quoted: it may hold credentials. */
export interface JsonFault {
  readonly position: number;
  readonly line: number;
  readonly column: number;
  readonly expected: string;
}

const BLANK = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

class Fault extends Error {
  constructor(
    readonly position: number,
    readonly expected: string,
  ) {
    super(expected);
  }
}

/** Finds the first fault of a text that `JSON.parse` refused; undefined if it finds none. The text's depth must be bounded. */
export function findJsonFault(text: string): JsonFault | undefined {
  try {
    const end = blank(text, value(text, blank(text, 0)));
    if (end < text.length) throw new Fault(end, 'the end of the text');
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const before = text.slice(0, error.position).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    return { position: error.position, line: before.length, column, expected: error.expected };
  }
}

/** Each reader takes a position and answers the position after what it read. */
function value(text: string, at: number): number {
  const sign = text[at];
  if (sign === '{') return members(text, at + 1, '}', member);
  if (sign === '[') return members(text, at + 1, ']', value);
  return (
    match(sign === '"' ? STRING : LITERAL, text, at) ?? fail(at, sign === '"' ? 'a well-formed string' : 'a value')
  );
}

function member(text: string, at: number): number {
  const colon = blank(text, match(STRING, text, at) ?? fail(at, 'a member name in double quotes'));
  if (text[colon] !== ':') fail(colon, '":"');
  return value(text, blank(text, colon + 1));
}

function members(text: string, start: number, close: string, one: (text: string, at: number) => number): number {
  let at = blank(text, start);
  if (text[at] === close) return at + 1;
  for (;;) {
    at = blank(text, one(text, at));
    if (text[at] === close) return at + 1;
    if (text[at] !== ',') fail(at, `"," or "${close}"`);
    at = blank(text, at + 1);
  }
}

function blank(text: string, at: number): number {
  return match(BLANK, text, at) ?? at;
}

function match(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function fail(position: number, expected: string): never {
  throw new Fault(position, expected);
}
