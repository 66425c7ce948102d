/*
 * As much of WebAssembly's binary format (W3C WebAssembly Core 2.0, section 5) as `md5-kernel.ts` needs. An expression is its operands' code followed by its own, for a stack machine.
 */

/** Bytes, nested as they were put together. */
export type Code = readonly (number | Code)[];

const I32 = 0x7f;
const V128 = 0x7b;

function unsigned(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >>> 7;
  return rest === 0 ? [low] : [low | 0x80, ...unsigned(rest)];
}

function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

function littleEndian(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

const simd = (opcode: number): Code => [0xfd, unsigned(opcode)];

export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)];
/** Sets, and leaves the value. */
export const tee = (local: number, value: Code): Code => [value, 0x22, unsigned(local)];
/** Repeats the body while the condition, evaluated after it, is not 0. */
export const loop = (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0, 0x0b];

/** Operations on one word of 32 bits. */
export const i32 = {
  const: (value: number): Code => [0x41, signed(value)],
  load: (at: Code, offset: number): Code => [at, 0x28, 2, unsigned(offset)],
  store: (at: Code, offset: number, value: Code): Code => [at, value, 0x36, 2, unsigned(offset)],
  add: (x: Code, y: Code): Code => [x, y, 0x6a],
  and: (x: Code, y: Code): Code => [x, y, 0x71],
  or: (x: Code, y: Code): Code => [x, y, 0x72],
  xor: (x: Code, y: Code): Code => [x, y, 0x73],
  rotl: (x: Code, by: Code): Code => [x, by, 0x77],
};

/** The same on four words at once. */
export const v128 = {
  splat: (value: number): Code => [simd(12), Array.from({ length: 4 }, () => littleEndian(value))],
  load: (at: Code, offset: number): Code => [at, simd(0), 4, unsigned(offset)],
  /** One word from memory in all four places. */
  loadSplat: (at: Code, offset: number): Code => [at, simd(9), 2, unsigned(offset)],
  store: (at: Code, offset: number, value: Code): Code => [at, value, simd(11), 4, unsigned(offset)],
  /** 16 bytes chosen among the 32 of x and y. */
  shuffle: (x: Code, y: Code, bytes: readonly number[]): Code => [x, y, simd(13), bytes],
  add: (x: Code, y: Code): Code => [x, y, simd(174)],
  and: (x: Code, y: Code): Code => [x, y, simd(78)],
  or: (x: Code, y: Code): Code => [x, y, simd(80)],
  xor: (x: Code, y: Code): Code => [x, y, simd(81)],
  shl: (x: Code, by: number): Code => [x, i32.const(by), simd(171)],
  shr: (x: Code, by: number): Code => [x, i32.const(by), simd(173)],
};

/** A function of one i32, its local 0, that answers nothing. Its other locals are numbered from 1: first the words, then the vectors. */
export interface WasmFunction {
  readonly name: string;
  readonly words: number;
  readonly vectors: number;
  readonly body: Code;
}

export interface WasmModule {
  /** Of 64 KiB; exported as `memory`. */
  readonly pages: number;
  /** What stands at address 0 from the beginning: 32-bit words. */
  readonly table: readonly number[];
  readonly functions: readonly WasmFunction[];
}

function flat(code: Code, into: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === 'number') into.push(part);
    else flat(part, into);
  }
  return into;
}

const list = (items: readonly Code[]): Code => [unsigned(items.length), items];
const name = (text: string): Code => list([...Buffer.from(text, 'latin1')].map((letter) => [letter]));

function sized(content: Code): Code {
  const bytes = flat(content);
  return [unsigned(bytes.length), bytes];
}

function codeOf({ words, vectors, body }: WasmFunction): Code {
  const locals = list([
    [unsigned(words), I32],
    [unsigned(vectors), V128],
  ]);
  return sized([vectors > 0 ? locals : list([[unsigned(words), I32]]), body, 0x0b]);
}

/** The bytes of a module; every function is exported under its name. */
export function encodeModule({ pages, table, functions }: WasmModule): Uint8Array<ArrayBuffer> {
  const data = table.flatMap(littleEndian);
  const sections: Readonly<Record<number, Code>> = {
    1: list([[0x60, list([[I32]]), 0]]),
    3: list(functions.map(() => [0])),
    5: list([[0, unsigned(pages)]]),
    7: list([[name('memory'), 2, 0], ...functions.map((made, index): Code => [name(made.name), 0, unsigned(index)])]),
    10: list(functions.map(codeOf)),
    11: list([[0, i32.const(0), 0x0b, unsigned(data.length), data]]),
  };
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.from(flat([header, Object.entries(sections).map(([id, content]) => [Number(id), sized(content)])]));
}
