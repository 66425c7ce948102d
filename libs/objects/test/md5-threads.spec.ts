import { afterAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { encodeMd5Module, MD5_LAYOUT } from '../src/content/md5-kernel.js';
import type { Md5Lane } from '../src/content/md5-thread.js';
import { Md5Threads, type Md5Source } from '../src/content/md5-threads.js';
import { beginMd5 } from '../src/content/stream-md5.js';

const KIB = 1024;
const BLOCK = 512 * KIB;

const threads = new Md5Threads({ mostThreads: 1 });
const manyThreads = new Md5Threads({ mostThreads: 3 });
afterAll(() => Promise.all([threads.close(), manyThreads.close()]));

function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

/** The bytes cut at these places, fed one after another, each chunk overwritten as soon as it was taken. */
async function digest(on: Md5Threads, bytes: Buffer, cuts: readonly number[]): Promise<string> {
  const md5 = beginMd5(on);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let i = 0; i + 1 < places.length; i += 1) {
    const chunk = Buffer.from(bytes.subarray(places[i], places[i + 1]));
    await md5.update(chunk);
    chunk.fill(0);
  }
  return (await md5.finish()).toString('hex');
}

const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];

/** As RFC 1321 section 3.1 has it. */
function padded(bytes: Uint8Array): Buffer {
  const whole = Buffer.alloc(Math.ceil((bytes.length + 9) / 64) * 64);
  whole.set(bytes);
  whole[bytes.length] = 0x80;
  whole.writeBigUInt64LE(BigInt(bytes.length) * 8n, whole.length - 8);
  return whole;
}

/** One body that is a single block, as the threads see it. */
class Short implements Md5Source {
  readonly #answer = Promise.withResolvers<string>();
  readonly digest = this.#answer.promise;
  #blocks = 1;

  constructor(
    private readonly on: Md5Threads,
    private readonly bytes: Uint8Array,
    private readonly isUrgent: boolean,
  ) {
    on.offer(this);
  }

  get waiting(): Md5Source['waiting'] {
    return { blocks: this.#blocks, isUrgent: this.isUrgent };
  }

  take(): Md5Lane {
    this.#blocks = 0;
    const whole = padded(this.bytes);
    return { block: Uint8Array.from(whole).buffer, length: whole.length, state: Uint32Array.from(INITIAL) };
  }

  giveBack({ state }: Md5Lane): void {
    const bytes = Buffer.alloc(16);
    state.forEach((word, index) => bytes.writeUInt32LE(word, 4 * index));
    this.#answer.resolve(bytes.toString('hex'));
    this.on.leave(this);
  }

  fail(error: Error): void {
    this.#answer.reject(error);
  }
}

/** RFC 1321, appendix A.5. */
const VECTORS: readonly (readonly [string, string])[] = [
  ['', 'd41d8cd98f00b204e9800998ecf8427e'],
  ['a', '0cc175b9c0f1b6a831c399e269772661'],
  ['abc', '900150983cd24fb0d6963f7d28e17f72'],
  ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
  ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
  ['1234567890'.repeat(8), '57edf4a22be3c955ac49da2e2107b67a'],
];

describe('the MD5 of several streams at once', () => {
  it('is that of RFC 1321 for its test suite, alone and all seven together', async () => {
    for (const [text, expected] of VECTORS)
      expect(await new Short(threads, Buffer.from(text), true).digest).toBe(expected);
    // Only the last is urgent: it takes the others along.
    const together = VECTORS.map(([text], i) => new Short(threads, Buffer.from(text), i === 6).digest);
    expect(await Promise.all(together)).toEqual(VECTORS.map(([, expected]) => expected));
  });

  it('equals node:crypto for 1 to 24 streams of lengths round 0, 55, 56, 63, 64, 65 and 8 KiB', async () => {
    const near = fc.constantFrom(0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 8191, 8192, 8193, 16_383, 20_000);
    const streams = fc.array(fc.record({ length: near, isUrgent: fc.boolean() }), { minLength: 1, maxLength: 24 });
    await fc.assert(
      fc.asyncProperty(streams, async (wanted) => {
        const bodies = wanted.map(({ length }) => randomBytes(length));
        const sources = wanted.map(
          ({ isUrgent }, i) => new Short(threads, bodies[i] ?? Buffer.alloc(0), isUrgent || i === wanted.length - 1),
        );
        expect(await Promise.all(sources.map((source) => source.digest))).toEqual(bodies.map(md5Of));
      }),
      { numRuns: 150 },
    );
  });

  it('is the same on a machine without vectors', async () => {
    const bodies = Array.from({ length: 5 }, (_, i) => randomBytes(1000 * i));
    const program = new URL(
      `data:text/javascript,import { workerData } from 'node:worker_threads'; workerData.modules.shift(); await import(${JSON.stringify(new URL('../src/content/md5-thread.ts', import.meta.url).href)})`,
    );
    const plain = new Md5Threads({ program, mostThreads: 1 });
    try {
      const sources = bodies.map((bytes) => new Short(plain, bytes, true).digest);
      expect(await Promise.all(sources)).toEqual(bodies.map(md5Of));
    } finally {
      await plain.close();
    }
    expect(encodeMd5Module(false).length).toBeLessThan(encodeMd5Module(true).length);
    expect(MD5_LAYOUT.laneBytes % 64).toBe(0);
  });
});

describe('MD5 of bodies that stream by', () => {
  it('equals that of the whole, however the body is cut, around the size of a block', async () => {
    const lengths = fc.constantFrom(0, 1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 9, 2 * BLOCK, 3 * BLOCK + 17);
    await fc.assert(
      fc.asyncProperty(lengths, fc.array(fc.nat(), { maxLength: 12 }), async (length, cuts) => {
        const bytes = randomBytes(length);
        expect(await digest(threads, bytes, cuts)).toBe(md5Of(bytes));
      }),
      { numRuns: 60 },
    );
  });

  it('keeps bodies apart that begin, pause, end and are abandoned in the midst of each other', async () => {
    const body = fc.record({
      length: fc.integer({ min: 0, max: 14 * BLOCK }),
      chunk: fc.integer({ min: 20_000, max: 3 * BLOCK }),
      /** Ticks before it begins, and between chunks. */
      late: fc.nat({ max: 6 }),
      slow: fc.nat({ max: 3 }),
      abandonedAfter: fc.option(fc.nat({ max: 12 * BLOCK })),
    });
    const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    await fc.assert(
      fc.asyncProperty(
        fc.array(body, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(threads, manyThreads),
        async (bodies, on) => {
          const run = async ({ length, chunk, late, slow, abandonedAfter }: (typeof bodies)[number]): Promise<void> => {
            for (let i = 0; i < late; i += 1) await tick();
            const bytes = randomBytes(length);
            const md5 = beginMd5(on);
            for (let at = 0; at < length; at += chunk) {
              if (abandonedAfter !== null && at > abandonedAfter) {
                md5.abandon();
                return;
              }
              await md5.update(bytes.subarray(at, at + chunk));
              for (let i = 0; i < slow; i += 1) await tick();
            }
            expect((await md5.finish()).toString('hex')).toBe(md5Of(bytes));
          };
          await Promise.all(bodies.map(run));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is served though another body has stopped in the middle, and holds four blocks at most', async () => {
    const stopped = beginMd5(threads);
    await stopped.update(randomBytes(BLOCK + 5));
    const bytes = randomBytes(40 * BLOCK + 3);
    expect(await digest(threads, bytes, [])).toBe(md5Of(bytes));
    stopped.abandon();
  });

  it('fails with busy, to be tried again, when its thread dies; the next has a new thread', async () => {
    const program = new URL(
      `data:text/javascript,import { parentPort } from 'node:worker_threads'; parentPort.once('message', () => process.exit(1))`,
    );
    const dying = new Md5Threads({ program, mostThreads: 1 });
    const whole = randomBytes(20 * BLOCK);
    for (let i = 0; i < 2; i += 1) {
      const during = digest(dying, whole, []);
      await expect(during).rejects.toMatchObject({ code: 'busy', retryAfterSeconds: 1 });
      const ending = beginMd5(dying);
      await ending.update(randomBytes(BLOCK + 1));
      await expect(ending.finish()).rejects.toMatchObject({ code: 'busy' });
    }
    await dying.close();
  });
});
