import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { limitsOf, S3_PROFILES } from '#libs/naming';
import { parseConfig } from '../src/aws/config.js';
import { checkObjectSize, largestObjectBytes, partBytesAt, partBytesFor, PartReader } from '../src/aws/upload-parts.js';
import { sourceFailureOf } from '../src/wire/index.js';

const MIB = 1024 * 1024;
const configOf = (profile: (typeof S3_PROFILES)[number]) =>
  parseConfig({
    name: 'b',
    type: 's3',
    profile,
    endpoint: 'https://s3.example.org',
    region: 'r-1',
    credentials: { accessKey: 'a', secretKey: { reveal: () => 'b' } },
    options: {},
  });

async function* chunked(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe('parts of an upload', () => {
  it('give back every byte in order, each part but the last of exactly the size asked for', async () => {
    const chunkSizes = fc
      .array(fc.nat(40), { minLength: 1, maxLength: 6 })
      .filter((sizes) => sizes.some((size) => size > 0));
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        chunkSizes,
        fc.integer({ min: 1, max: 70 }),
        async (bytes, sizes, partBytes) => {
          const reader = new PartReader(chunked(bytes, sizes));
          const parts: Buffer[] = [];
          for (let last = false; !last;) {
            const part = await reader.hold(partBytes);
            const held = Buffer.concat(part.chunks);
            expect(held.length).toBe(part.size);
            expect(part.md5.equals(createHash('md5').update(held).digest())).toBe(true);
            if (!part.last) expect(part.size).toBe(partBytes);
            parts.push(held);
            last = part.last;
          }
          expect(Buffer.concat(parts).equals(bytes)).toBe(true);
          expect(parts).toHaveLength(Math.max(1, Math.ceil(bytes.length / partBytes)));
        },
      ),
    );
  });

  it('tell the failure of their source from others', async () => {
    const gone = new Error('gone');
    const reader = new PartReader(
      (async function* () {
        yield Buffer.alloc(10);
        throw gone;
      })(),
    );
    const error: unknown = await reader.hold(20).catch((reason: unknown) => reason);
    expect(sourceFailureOf(error)?.cause).toBe(gone);
  });

  it('tell their source that it is not read to its end', async () => {
    let closed = false;
    const body = async function* () {
      try {
        for (;;) yield Buffer.alloc(10);
      } finally {
        closed = true;
      }
    };
    const reader = new PartReader(body());
    await reader.hold(25);
    await reader.close();
    expect(closed).toBe(true);
  });

  it.each(S3_PROFILES)('of a known length are legal at %s up to its largest object', (profile) => {
    const config = configOf(profile);
    const { maxParts, minPartBytes, maxPartBytes } = limitsOf(profile);
    const maxObjectBytes = largestObjectBytes(config);
    const sizes = fc.integer({
      min: config.singleRequestBytes + 1,
      max: Math.max(maxObjectBytes, config.singleRequestBytes + 1),
    });
    fc.assert(
      fc.property(fc.oneof(sizes, fc.constant(maxObjectBytes)), (size) => {
        const part = partBytesFor(size, config);
        expect(Math.ceil(size / part)).toBeLessThanOrEqual(maxParts);
        expect(part).toBeGreaterThanOrEqual(minPartBytes);
        expect(part).toBeLessThanOrEqual(maxPartBytes);
      }),
    );
    expect(() => checkObjectSize(config, maxObjectBytes)).not.toThrow();
    expect(() => checkObjectSize(config, maxObjectBytes + 1)).toThrow(/more than/);
  });

  it('of an unknown length grow, except where all must be equal, and begin small', () => {
    const grown = Array.from({ length: 10_000 }, (_, n) => partBytesAt(n + 1, 8 * MIB, limitsOf('aws')));
    expect(grown.slice(0, 1000).every((size) => size === 8 * MIB)).toBe(true);
    expect(grown.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(2 * 1024 * 1024 * MIB);
    expect(Math.max(...grown)).toBe(512 * MIB);
    const equal = Array.from({ length: 10_000 }, (_, n) => partBytesAt(n + 1, 16 * MIB, limitsOf('cloudflare-r2')));
    expect(new Set(equal)).toEqual(new Set([16 * MIB]));
  });
});
