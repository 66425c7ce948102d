import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { HmacSha256 } from '../src/aws/hmac-sha256.js';

/** Short ones, ones around the room that is kept, and ones beyond it; of one to four bytes a character. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .tuple(fc.constantFrom('a', 'é', '€', '😀'), fc.integer({ min: 250, max: 1100 }))
    .map(([unit, count]) => unit.repeat(count)),
);

describe('HMAC-SHA-256', () => {
  it('is what OpenSSL makes of any key of up to a block and of any texts, one after the other', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(text, { minLength: 1, maxLength: 4 }), (key, texts) => {
        const ours = new HmacSha256(key);
        const theirs = texts.map((each) => createHmac('sha256', key).update(each).digest('hex'));
        expect(texts.map((each) => ours.hex(each))).toEqual(theirs);
      }),
    );
  });

  it('refuses a key that is longer than a block, which it would not hash', () => {
    expect(() => new HmacSha256(new Uint8Array(65))).toThrow(RangeError);
  });
});
