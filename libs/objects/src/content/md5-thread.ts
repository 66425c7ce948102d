/*
 * The program of a thread that computes MD5. It imports nothing of the house, because it runs as it stands both from here (Node strips the types) and compiled.
 */
import { parentPort, workerData } from 'node:worker_threads';

/** What a thread is started with: the module with vectors and, for a machine that has none, the one without; and where things are in its memory. */
export interface Md5ThreadData {
  readonly modules: readonly Uint8Array<ArrayBuffer>[];
  readonly layout: {
    readonly state: number;
    readonly data: number;
    readonly laneBytes: number;
    readonly lanes: number;
  };
}

/** The next bytes of one stream. It comes with the state before them, and goes back with the state after them. */
export interface Md5Lane {
  readonly block: ArrayBuffer;
  /** A multiple of 64. */
  readonly length: number;
  /** Four words. */
  readonly state: Uint32Array<ArrayBuffer>;
}

type Advance = (blocks: number) => void;

/** As much of it as is used: TypeScript knows WebAssembly as a part of browsers alone. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: { readonly memory: { readonly buffer: ArrayBuffer } } & Readonly<
      Record<string, Advance | undefined>
    >;
  };
};

const { modules, layout } = workerData as Md5ThreadData;
const bytes = modules.find((module) => WebAssembly.validate(module));
if (!bytes) throw new Error('this machine runs no WebAssembly');
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
const memory = new Uint8Array(exports.memory.buffer);
const states = new Uint32Array(exports.memory.buffer, layout.state, 4 * layout.lanes);
/** The kernels there are, narrowest first. */
const kernels = [1, 2, 4, 8].flatMap((width) => {
  const advance = exports[`md5x${width}`];
  return advance ? [{ width, advance }] : [];
});

interface Running extends Md5Lane {
  done: number;
}

function word(lane: number, index: number): number {
  return 16 * (lane >> 2) + 4 * index + (lane & 3);
}

/** Advances streams, no more than the kernel is wide, by the length of the shortest. */
function advanceAll(lanes: readonly Running[], advance: Advance): void {
  lanes.forEach(({ state }, lane) => state.forEach((value, index) => (states[word(lane, index)] = value)));
  const common = Math.min(...lanes.map(({ length, done }) => length - done));
  for (let offset = 0; offset < common; offset += layout.laneBytes) {
    const part = Math.min(layout.laneBytes, common - offset);
    lanes.forEach(({ block, done }, lane) => {
      memory.set(new Uint8Array(block, done + offset, part), layout.data + lane * layout.laneBytes);
    });
    advance(part / 64);
  }
  lanes.forEach((running, lane) => {
    running.state.forEach((_, index) => (running.state[index] = states[word(lane, index)] ?? 0));
    running.done += common;
  });
}

/** Advances all to their ends, as many at once as there are left. */
function hash(lanes: readonly Md5Lane[]): void {
  let left: Running[] = lanes.map((lane) => ({ ...lane, done: 0 }));
  for (;;) {
    left = left.filter(({ length, done }) => done < length);
    const kernel = kernels.find(({ width }) => width >= left.length) ?? kernels.at(-1);
    if (left.length === 0 || !kernel) return;
    advanceAll(left.slice(0, kernel.width), kernel.advance);
  }
}

parentPort?.on('message', (lanes: readonly Md5Lane[]) => {
  hash(lanes);
  parentPort?.postMessage(
    lanes,
    lanes.map(({ block }) => block),
  );
});
