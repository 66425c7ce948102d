import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EnvelopeError, MasterKey, MissingKeyError, unwrapDataKey, wrapDataKey, wrappingKeyIdOf } from '#libs/secrets';

const master = new MasterKey(Buffer.alloc(32, 1));
const other = new MasterKey(Buffer.alloc(32, 2));
const dataKey = Buffer.alloc(32, 9);
const anyPlace = fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 4 });

describe('a wrapped data key', () => {
  it('unwraps for its own place, of any length, and names its master key', () => {
    fc.assert(
      fc.property(anyPlace, fc.uint8Array({ minLength: 32, maxLength: 32 }), (place, key) => {
        const wrapped = wrapDataKey(master, key, place);
        expect(wrapped).toHaveLength(119);
        expect(wrappingKeyIdOf(wrapped)).toBe(master.id);
        expect(unwrapDataKey(master, wrapped, place).equals(key)).toBe(true);
      }),
    );
    const long = ['object', 'b1', 'k'.repeat(1024)];
    expect(unwrapDataKey(master, wrapDataKey(master, dataKey, long), long).equals(dataKey)).toBe(true);
  });

  it('never looks twice the same', () => {
    expect(wrapDataKey(master, dataKey, ['a'])).not.toBe(wrapDataKey(master, dataKey, ['a']));
  });

  it('does not unwrap for another place, however alike', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, (mine, theirs) => {
        fc.pre(JSON.stringify(mine) !== JSON.stringify(theirs));
        const wrapped = wrapDataKey(master, dataKey, mine);
        expect(() => unwrapDataKey(master, wrapped, theirs)).toThrow(EnvelopeError);
      }),
    );
    const wrapped = wrapDataKey(master, dataKey, ['ab', 'c']);
    expect(() => unwrapDataKey(master, wrapped, ['a', 'bc'])).toThrow(EnvelopeError);
  });

  it('does not unwrap once any character was changed', () => {
    const wrapped = wrapDataKey(master, dataKey, ['a']);
    for (let at = 0; at < wrapped.length; at += 1) {
      const changed = wrapped.slice(0, at) + (wrapped[at] === 'A' ? 'B' : 'A') + wrapped.slice(at + 1);
      expect(() => unwrapDataKey(master, changed, ['a'])).toThrow(EnvelopeError);
    }
    expect(() => unwrapDataKey(master, wrapped.slice(0, -2), ['a'])).toThrow(EnvelopeError);
  });

  it('says which master key it needs where that is not at hand', () => {
    const wrapped = wrapDataKey(master, dataKey, ['a']);
    expect(() => unwrapDataKey(other, wrapped, ['a'])).toThrow(MissingKeyError);
    expect(() => unwrapDataKey(other, wrapped, ['a'])).toThrow(master.id);
  });

  it('is not made of anything but 32 bytes', () => {
    expect(() => wrapDataKey(master, Buffer.alloc(31), [])).toThrow('32 bytes');
  });
});
