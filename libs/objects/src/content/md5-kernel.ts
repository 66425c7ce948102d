import { encodeModule, get, i32, loop, set, tee, v128, type Code, type WasmFunction } from './wasm-code.js';

/*
 * MD5's compression function (RFC 1321, section 3.4) for several streams at once. Each of its 64 steps needs the result of the one before, so one stream leaves most of a core idle:
 * two streams' steps side by side take as long as one's, and four streams fit the four lanes of a vector. See docs/adr/0019.
 */

/** Bytes of each stream that are in the module's memory at a time. A few KiB stay in the core's nearest cache. */
const LANE_BYTES = 8192;
const MOST_LANES = 8;

/** Where things are in the module's memory. Word w of lane l's state is at `state + 64 * (l >> 2) + 16 * w + 4 * (l & 3)`, its bytes at `data + laneBytes * l`. */
export const MD5_LAYOUT = { state: 1024, data: 65536, laneBytes: LANE_BYTES, lanes: MOST_LANES } as const;

/** The words of a vector's block, lane beside lane; a vector's after another's. */
const GATHERED = 2048;
const GATHERED_BYTES = 16 * 16;

const WORDS = [0, 1, 2, 3] as const;
const BLOCKS_LEFT = 0;
const POINTER = 1;
const ZERO = i32.const(0);

type Roles = readonly [a: number, b: number, c: number, d: number];

/** One stream in words, or four in vectors: what their steps are made of. */
interface Lanes {
  /** Locals that hold the state. */
  readonly state: Roles;
  /** Brings the state into its locals, before the first block. */
  readonly begin: Code;
  /** Brings the words of a block to where `word` finds them. */
  readonly gather: Code;
  /** Adds the state before the block to that after it, in the locals and in memory. */
  readonly end: Code;
  word(index: number): Code;
  constant(step: number): Code;
  add(x: Code, y: Code): Code;
  and(x: Code, y: Code): Code;
  or(x: Code, y: Code): Code;
  xor(x: Code, y: Code): Code;
  not(x: Code): Code;
  rotl(x: Code, by: number): Code;
}

interface Round {
  readonly shifts: readonly [number, number, number, number];
  readonly word: (step: number) => number;
  /** Adds the round's function of b, c and d. What needs b, which the step before gave, comes last. */
  readonly mix: (lanes: Lanes, sum: Code, bcd: readonly [Code, Code, Code]) => Code;
}

const ROUNDS: readonly Round[] = [
  {
    shifts: [7, 12, 17, 22],
    word: (step) => step,
    mix: (m, sum, [b, c, d]) => m.add(sum, m.xor(m.and(m.xor(c, d), b), d)),
  },
  {
    shifts: [5, 9, 14, 20],
    word: (step) => 5 * step + 1,
    mix: (m, sum, [b, c, d]) => m.add(m.add(sum, m.and(c, m.not(d))), m.and(b, d)),
  },
  {
    shifts: [4, 11, 16, 23],
    word: (step) => 3 * step + 5,
    mix: (m, sum, [b, c, d]) => m.add(sum, m.xor(m.xor(c, d), b)),
  },
  {
    shifts: [6, 10, 15, 21],
    word: (step) => 7 * step,
    mix: (m, sum, [b, c, d]) => m.add(sum, m.xor(m.or(m.not(d), b), c)),
  },
];

/** T of the RFC: the first 32 bits behind the point of |sin(i)|. */
const CONSTANTS = Array.from({ length: 64 }, (_, step) => Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32));

interface Step {
  readonly index: number;
  readonly shift: number;
  readonly word: number;
  readonly mix: Round['mix'];
}

const STEPS: readonly Step[] = ROUNDS.flatMap(({ shifts, word, mix }, round) =>
  [...shifts, ...shifts, ...shifts, ...shifts].map((shift, i) => {
    const index = 16 * round + i;
    return { index, shift, word: word(index) % 16, mix };
  }),
);

/** Which local plays which role: each step moves them on by one. */
function rolesAt(step: number, [a, b, c, d]: Roles): Roles {
  const turns: readonly Roles[] = [
    [a, b, c, d],
    [d, a, b, c],
    [c, d, a, b],
    [b, c, d, a],
  ];
  return turns[step % 4] ?? [a, b, c, d];
}

function stepOf(lanes: Lanes, { index, shift, word, mix }: Step): Code {
  const [a, b, c, d] = rolesAt(index, lanes.state);
  const sum = lanes.add(lanes.add(get(a), lanes.constant(index)), lanes.word(word));
  return set(a, lanes.add(lanes.rotl(mix(lanes, sum, [get(b), get(c), get(d)]), shift), get(b)));
}

/** Lane `lane` alone, in words. */
function oneStream(lane: number): Lanes {
  const first = 2 + 4 * lane;
  const state: Roles = [first, first + 1, first + 2, first + 3];
  const at = (word: number): number => MD5_LAYOUT.state + 16 * word + 4 * lane;
  const local = (word: number): number => first + word;
  const data = MD5_LAYOUT.data + LANE_BYTES * lane;
  return {
    ...i32,
    state,
    begin: WORDS.map((w) => set(local(w), i32.load(ZERO, at(w)))),
    gather: [],
    end: WORDS.map((w) => i32.store(ZERO, at(w), tee(local(w), i32.add(get(local(w)), i32.load(ZERO, at(w)))))),
    word: (index) => i32.load(get(POINTER), data + 4 * index),
    constant: (step) => i32.const(CONSTANTS[step] ?? 0),
    not: (x) => i32.xor(x, i32.const(-1)),
    rotl: (x, by) => i32.rotl(x, i32.const(by)),
  };
}

/** Vectors that a kernel of vectors uses beside the state: what `not` turns over, and room to turn 4 x 4 words. */
const ONES = 2;
const ROWS = [3, 4, 5, 6] as const;
const PAIRS = [7, 8, 9, 10] as const;
const FIRST_OF_VECTOR = 11;
const LOCALS_A_VECTOR = 5;

const bytesOf = (...words: number[]): number[] => words.flatMap((word) => [0, 1, 2, 3].map((byte) => 4 * word + byte));
const LOW_WORDS = bytesOf(0, 4, 1, 5);
const HIGH_WORDS = bytesOf(2, 6, 3, 7);
const LOW_PAIRS = bytesOf(0, 1, 4, 5);
const HIGH_PAIRS = bytesOf(2, 3, 6, 7);

/** Four words of each of four lanes, turned so that each word's four lanes stand together. */
function turned(vector: number, quarter: number): Code {
  const [r0, r1, r2, r3] = ROWS;
  const [low01, high01, low23, high23] = PAIRS;
  const data = MD5_LAYOUT.data + 4 * LANE_BYTES * vector + 16 * quarter;
  const to = GATHERED + GATHERED_BYTES * vector + 64 * quarter;
  const pair = (x: number, y: number, bytes: readonly number[]): Code => v128.shuffle(get(x), get(y), bytes);
  return [
    ROWS.map((row, lane) => set(row, v128.load(get(POINTER), data + LANE_BYTES * lane))),
    set(low01, pair(r0, r1, LOW_WORDS)),
    set(high01, pair(r0, r1, HIGH_WORDS)),
    set(low23, pair(r2, r3, LOW_WORDS)),
    set(high23, pair(r2, r3, HIGH_WORDS)),
    v128.store(ZERO, to, pair(low01, low23, LOW_PAIRS)),
    v128.store(ZERO, to + 16, pair(low01, low23, HIGH_PAIRS)),
    v128.store(ZERO, to + 32, pair(high01, high23, LOW_PAIRS)),
    v128.store(ZERO, to + 48, pair(high01, high23, HIGH_PAIRS)),
  ];
}

/** Lanes `4 * vector` and the three after it. A rotation is two shifts; a constant is quicker from memory than made in place. */
function fourStreams(vector: number): Lanes {
  const first = FIRST_OF_VECTOR + LOCALS_A_VECTOR * vector;
  const rotated = first + 4;
  const at = (word: number): number => MD5_LAYOUT.state + 64 * vector + 16 * word;
  const local = (word: number): number => first + word;
  return {
    ...v128,
    state: [first, first + 1, first + 2, first + 3],
    begin: [set(ONES, v128.splat(-1)), WORDS.map((w) => set(local(w), v128.load(ZERO, at(w))))],
    gather: WORDS.map((quarter) => turned(vector, quarter)),
    end: WORDS.map((w) => v128.store(ZERO, at(w), tee(local(w), v128.add(get(local(w)), v128.load(ZERO, at(w)))))),
    word: (index) => v128.load(ZERO, GATHERED + GATHERED_BYTES * vector + 16 * index),
    constant: (step) => v128.loadSplat(ZERO, 4 * step),
    not: (x) => v128.xor(x, get(ONES)),
    rotl: (x, by) => v128.or(v128.shl(tee(rotated, x), by), v128.shr(get(rotated), 32 - by)),
  };
}

/** Advances the states by so many blocks (at least 1, at most a lane's) of 64 bytes. */
function kernel(name: string, all: readonly Lanes[], isVector: boolean): WasmFunction {
  const block = [
    all.map(({ gather }) => gather),
    STEPS.map((step) => all.map((lanes) => stepOf(lanes, step))),
    all.map(({ end }) => end),
    set(POINTER, i32.add(get(POINTER), i32.const(64))),
  ];
  const left = tee(BLOCKS_LEFT, i32.add(get(BLOCKS_LEFT), i32.const(-1)));
  return {
    name,
    words: isVector ? 1 : 1 + 4 * all.length,
    vectors: isVector ? FIRST_OF_VECTOR - ONES + LOCALS_A_VECTOR * all.length : 0,
    body: [all.map(({ begin }) => begin), loop(block, left)],
  };
}

/**
 * The bytes of a WebAssembly module that exports `memory` and a function for each number of streams: `md5x1`, `md5x2` and, with vectors (SIMD128), `md5x4` and `md5x8`. Each takes the number of blocks of 64 bytes by
 * which its lanes are to be advanced. Of fewer streams than lanes the other lanes may hold anything.
 */
export function encodeMd5Module(withVectors: boolean): Uint8Array<ArrayBuffer> {
  const words = [kernel('md5x1', [oneStream(0)], false), kernel('md5x2', [oneStream(0), oneStream(1)], false)];
  const vectors = (): WasmFunction[] => [
    kernel('md5x4', [fourStreams(0)], true),
    kernel('md5x8', [fourStreams(0), fourStreams(1)], true),
  ];
  const pages = (MD5_LAYOUT.data + LANE_BYTES * MOST_LANES) / 65536;
  return encodeModule({ pages, table: CONSTANTS, functions: withVectors ? [...words, ...vectors()] : words });
}
