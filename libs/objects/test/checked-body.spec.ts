import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { CHECKSUM_ALGORITHMS, checkBody, isObjectsError, type Expectations } from '../src/index.js';

const bytes = fc.uint8Array({ maxLength: 200 });
const cuts = fc.array(fc.nat(200), { maxLength: 6 });

/** The same bytes in chunks, empty ones among them. */
function chunksOf(content: Uint8Array, at: readonly number[]): Uint8Array[] {
  const edges = [0, ...at.map((cut) => Math.min(cut, content.byteLength)).sort((a, b) => a - b), content.byteLength];
  return edges.slice(1).map((edge, i) => content.subarray(edges[i], edge));
}

async function* flow(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

interface Through {
  readonly passed: Buffer;
  readonly error: unknown;
}

async function passThrough(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<Through> {
  const passed: Uint8Array[] = [];
  try {
    if (body instanceof Uint8Array) passed.push(body);
    else for await (const chunk of body) passed.push(chunk);
    return { passed: Buffer.concat(passed), error: undefined };
  } catch (error) {
    return { passed: Buffer.concat(passed), error };
  }
}

function digest(algorithm: (typeof CHECKSUM_ALGORITHMS)[number], content: Uint8Array): string {
  if (algorithm === 'sha1' || algorithm === 'sha256') return createHash(algorithm).update(content).digest('base64');
  const value = algorithm === 'crc32' ? crc32(content) : slowCrc32c(content);
  const word = Buffer.alloc(4);
  word.writeUInt32BE(value);
  return word.toString('base64');
}

/** CRC-32C bit by bit (RFC 3720 appendix B.4: reflected polynomial 0x82F63B78). */
function slowCrc32c(content: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of content) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function truthOf(content: Uint8Array): Required<Expectations> {
  const md5 = createHash('md5').update(content).digest('base64');
  const checksums = Object.fromEntries(CHECKSUM_ALGORITHMS.map((name) => [name, digest(name, content)]));
  return { size: content.byteLength, md5, checksums };
}

describe('a body that is checked on its way', () => {
  it('arrives byte for byte in any chunks, with the digests that node:crypto finds', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, cuts, fc.boolean(), async (content, at, whole) => {
        const truth = truthOf(content);
        const checked = checkBody(whole ? content : flow(chunksOf(content, at)), truth);
        const { passed, error } = await passThrough(checked.body);
        expect(error).toBeUndefined();
        expect(passed.equals(content)).toBe(true);
        const etag = Buffer.from(truth.md5, 'base64').toString('hex');
        expect(checked.content()).toEqual({ size: content.byteLength, etag, checksums: truth.checksums });
      }),
    );
  });

  const lies = fc.constantFrom('longer', 'shorter', 'md5', ...CHECKSUM_ALGORITHMS);
  it('never lets its last bytes through when anything that was said of it is false (A2.13)', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, cuts, lies, async (content, at, lie) => {
        fc.pre(content.byteLength > 0);
        const truth = truthOf(content);
        const other = truthOf(Buffer.concat([content, Buffer.from('x')]));
        const said: Expectations =
          lie === 'longer' || lie === 'shorter'
            ? { ...truth, size: truth.size + (lie === 'longer' ? 1 : -1) }
            : lie === 'md5'
              ? { ...truth, md5: other.md5 }
              : { ...truth, checksums: { ...truth.checksums, [lie]: other.checksums[lie] } };
        const checked = checkBody(flow(chunksOf(content, at)), said);
        const { passed, error } = await passThrough(checked.body);
        const code = { longer: 'incomplete-body', shorter: 'body-too-long' }[lie as string] ?? 'bad-digest';
        expect(isObjectsError(error) && error.code).toBe(code);
        expect(passed.byteLength).toBeLessThan(content.byteLength);
        expect(checked.content()).toBeUndefined();
        expect(() => checkBody(content, said)).toThrow(isObjectsError(error) ? error.message.slice(0, 12) : '');
      }),
    );
  });

  it('of no bytes is refused when bytes were announced, and nothing comes of it', async () => {
    const checked = checkBody(flow([]), { size: 1 });
    const { passed, error } = await passThrough(checked.body);
    expect(isObjectsError(error, 'incomplete-body')).toBe(true);
    expect(passed.byteLength).toBe(0);
  });

  it('passes on the failure of its source, and never calls itself complete', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('some'));
      throw new Error('the client vanished');
    }
    const checked = checkBody(broken(), {});
    const { passed, error } = await passThrough(checked.body);
    expect(String(error)).toContain('the client vanished');
    expect(passed.byteLength).toBe(0);
    expect(checked.content()).toBeUndefined();
  });
});
