import { describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Digests } from '../src/content/digests.js';

const MIB = 1024 * 1024;

/** The bytes cut at these places, fed one after another, each chunk overwritten as soon as it was taken. */
async function digest(bytes: Buffer, cuts: readonly number[]): Promise<string> {
  const digests = new Digests([]);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let i = 0; i + 1 < places.length; i += 1) {
    const chunk = Buffer.from(bytes.subarray(places[i], places[i + 1]));
    await digests.update(chunk);
    chunk.fill(0);
  }
  return (await digests.finish()).md5.toString('hex');
}

describe('MD5 on other threads', () => {
  it('equals that of the whole, however the body is cut, around the size of a block', async () => {
    const lengths = fc.constantFrom(0, 1, 1000, MIB - 1, MIB, MIB + 1, 3 * MIB + 17);
    await fc.assert(
      fc.asyncProperty(lengths, fc.array(fc.nat(), { maxLength: 12 }), async (length, cuts) => {
        const bytes = randomBytes(length);
        expect(await digest(bytes, cuts)).toBe(createHash('md5').update(bytes).digest('hex'));
      }),
      { numRuns: 60 },
    );
  });

  it('keeps many bodies at once apart, more than there is memory for, some of them abandoned', async () => {
    const bodies = Array.from({ length: 24 }, (_, i) => randomBytes(2 * MIB + i));
    const abandoned = Array.from({ length: 6 }, async (_, i) => {
      const digests = new Digests([]);
      await digests.update(randomBytes(MIB / 2 + i * MIB));
      digests.abandon();
    });
    const found = await Promise.all(bodies.map((bytes) => digest(bytes, [MIB / 2, MIB + 5])));
    await Promise.all(abandoned);
    expect(found).toEqual(bodies.map((bytes) => createHash('md5').update(bytes).digest('hex')));
  });
});
