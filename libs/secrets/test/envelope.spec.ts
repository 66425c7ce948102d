import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { EnvelopeError, MasterKey, masterKeyIdOf, openEnvelope, sealEnvelope, Secret } from '#libs/secrets';

const key = new MasterKey(randomBytes(32));
const owner = fc.array(fc.string(), { minLength: 1, maxLength: 3 });

describe('envelope', () => {
  it('opens to what was sealed, and never seals the same twice', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4_096 }), owner, (bytes, boundTo) => {
        const sealed = sealEnvelope(key, new Secret(bytes), boundTo);
        expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+\.[\w-]+\.[\w-]+$/);
        expect(openEnvelope(key, sealed, boundTo).revealBytes()).toEqual(Uint8Array.from(bytes));
        expect(sealEnvelope(key, new Secret(bytes), boundTo)).not.toBe(sealed);
        expect(masterKeyIdOf(sealed)).toBe(key.id);
      }),
    );
  });

  it('refuses any flipped bit of any character', () => {
    const sealed = sealEnvelope(key, new Secret('the value'), ['backend', 'b1']);
    for (let index = 0; index < sealed.length; index += 1) {
      for (let bit = 0; bit < 7; bit += 1) {
        const altered =
          sealed.slice(0, index) + String.fromCharCode(sealed.charCodeAt(index) ^ (1 << bit)) + sealed.slice(index + 1);
        expect(() => openEnvelope(key, altered, ['backend', 'b1'])).toThrow(EnvelopeError);
      }
    }
  });

  it('refuses anything cut, lengthened or made up', () => {
    const sealed = sealEnvelope(key, new Secret('the value'), ['b']);
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => openEnvelope(key, sealed.slice(0, length), ['b'])).toThrow(EnvelopeError);
    }
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (more) =>
        expect(() => openEnvelope(key, sealed + more, ['b'])).toThrow(EnvelopeError),
      ),
    );
    fc.assert(fc.property(fc.string(), (text) => expect(() => openEnvelope(key, text, ['b'])).toThrow(EnvelopeError)));
  });

  it('does not open for another owner or purpose, parts joined differently included', () => {
    fc.assert(
      fc.property(owner, owner, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(() => openEnvelope(key, sealEnvelope(key, new Secret('x'), one), other)).toThrow(EnvelopeError);
      }),
    );
    expect(() => openEnvelope(key, sealEnvelope(key, new Secret('x'), ['ab', 'c']), ['a', 'bc'])).toThrow(
      /altered, or does not belong/,
    );
  });

  it('does not mix: no part of one envelope opens in another', () => {
    const one = sealEnvelope(key, new Secret('one'), ['b']).split('.');
    const other = sealEnvelope(key, new Secret('two'), ['b']).split('.');
    for (const part of [2, 3, 4]) {
      const mixed = one.map((text, index) => (index === part ? (other[index] ?? '') : text)).join('.');
      expect(() => openEnvelope(key, mixed, ['b'])).toThrow(EnvelopeError);
    }
  });

  it('names the master key that is needed', () => {
    const sealed = sealEnvelope(key, new Secret('x'), ['b']);
    const wrong = new MasterKey(randomBytes(32));
    expect(() => openEnvelope(wrong, sealed, ['b'])).toThrow(
      new RegExp(`sealed under the master key ${key.id}.*${wrong.id}`),
    );
  });
});
