import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkMetadata, decodeMetadata, encodeMetadata, isVendorMetadataName, limitsOf } from '../src/index.js';
import { metadataBytes, metadataLimitBytes, VENDORS } from '../src/index.js';

const TOKEN = Array.from("abcxyz0129!#$%&'*+-.^_`|~");
const name = fc.oneof(
  fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('_', '-', 'x', '5', 'f', '2', 'd'), minLength: 1, maxLength: 12 }),
  fc.constantFrom('spumoni-write', '__proto__', 'constructor', '1a', 'class', 'a_b', 'a-b'),
);
const value = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom(' ', '\t', 'a', '%', "'", '=', '?', 'é', '😀', '\u0001', '\ufeff'),
      maxLength: 12,
    }),
    fc.constantFrom("UTF-8''", "UTF-8''%C3%A9", "UTF-8''%zz", '=?UTF-8?B?YQ==?=', '', ' '),
  )
  .filter((text) => !/[\r\n\0]/.test(text));
const metadata = fc.dictionary(name, value, { maxKeys: 5, noNullPrototype: true });
const anyVendor = fc.constantFrom(...VENDORS);

describe('user metadata at every vendor', () => {
  it('comes back as it went, in names and values that the vendor takes', () => {
    fc.assert(
      fc.property(metadata, anyVendor, (original, vendor) => {
        const encoded = encodeMetadata(original, vendor);
        expect(Object.keys(encoded)).toHaveLength(Object.keys(original).length);
        for (const [key, text] of Object.entries(encoded)) {
          expect({ key, legal: isVendorMetadataName(key, vendor) }).toEqual({ key, legal: true });
          if (vendor !== 'filesystem') expect(text).toMatch(/^([!-~]+( [!-~]+)*)?$/);
        }
        expect(Object.entries(decodeMetadata(encoded, vendor))).toEqual(Object.entries(original));
      }),
      { numRuns: 5000 },
    );
  });

  it('survives a vendor that changes the case of names', () => {
    fc.assert(
      fc.property(metadata, anyVendor, (original, vendor) => {
        fc.pre(vendor !== 'filesystem');
        const shouted = Object.entries(encodeMetadata(original, vendor)).map(([key, text]) => [
          key.toUpperCase(),
          text,
        ]);
        const decoded = decodeMetadata(Object.fromEntries(shouted) as Record<string, string>, vendor);
        expect(Object.entries(decoded)).toEqual(Object.entries(original));
      }),
    );
  });

  it('keeps what a vendor takes as it is, and escapes the rest visibly', () => {
    expect(encodeMetadata({ 'a-b': 'x y', a_b: 'é', '1a': '' }, 'azure')).toEqual({
      a_x2d_b: 'x y',
      a_b: "UTF-8''%C3%A9",
      _x31_a: "UTF-8''",
    });
    expect(encodeMetadata({ 'a-b': 'x', a_b: ' y' }, 'alibaba-oss')).toEqual({ 'a-b': 'x', 'a-x5f-b': "UTF-8''%20y" });
    expect(encodeMetadata({ 'a-b': 'x', a_b: '' }, 'aws')).toEqual({ 'a-b': 'x', a_b: '' });
    expect(encodeMetadata({ a: '=?UTF-8?B?YQ==?=' }, 'aws')).toEqual({ a: "UTF-8''%3D%3FUTF-8%3FB%3FYQ%3D%3D%3F%3D" });
    expect(encodeMetadata({ 'a-b': ' é\t' }, 'filesystem')).toEqual({ 'a-b': ' é\t' });
  });

  it('leaves the entries of others alone', () => {
    expect(decodeMetadata({ My_File: "UTF-8''%zz", a_xzz_: 'utf-8' }, 'azure')).toEqual({
      my_file: "UTF-8''%zz",
      a_xzz_: 'utf-8',
    });
  });

  it.each([
    [{ 'A-b': 'x' }, 'metadata-name'],
    [{ '': 'x' }, 'metadata-name'],
    [{ 'a b': 'x' }, 'metadata-name'],
    [{ é: 'x' }, 'metadata-name'],
    [{ a: 'x\r' }, 'metadata-value'],
    [{ a: 'x\ny' }, 'metadata-value'],
    [{ a: '\0' }, 'metadata-value'],
    [{ a: '\ud800' }, 'metadata-surrogate'],
  ])('%j breaks %s everywhere, and is not encoded', (bad, rule) => {
    for (const vendor of VENDORS) {
      const clean = bad as Record<string, string>;
      expect(checkMetadata(clean, vendor).map((violation) => violation.rule)).toEqual([rule]);
      expect(() => encodeMetadata(clean, vendor)).toThrow(RangeError);
    }
  });

  it('is held to the vendor’s bytes, counted as stored', () => {
    for (const vendor of VENDORS) {
      const limit = metadataLimitBytes(vendor);
      const parts = { a: 'x'.repeat(1000), b: 'x'.repeat(Math.min(limit - 1003, 4096)) };
      const full = { ...parts, c: 'x'.repeat(limit - metadataBytes(parts) - 1) };
      expect(metadataBytes(full)).toBe(limit);
      expect({ vendor, violations: checkMetadata(full, vendor) }).toEqual({ vendor, violations: [] });
      expect(checkMetadata({ ...full, a: `${full.a}x` }, vendor).map(({ rule }) => rule)).toEqual(['metadata-size']);
    }
    expect(checkMetadata({ a: 'é'.repeat(400) }, 'aws').map(({ rule }) => rule)).toEqual(['metadata-size']);
    expect(checkMetadata({ a: 'é'.repeat(400) }, 'filesystem')).toEqual([]);
    expect(limitsOf('aws').metadataBytes).toBe(2048);
  });

  it('is held to the limits of one entry where there are such', () => {
    expect(checkMetadata({ a: 'x'.repeat(4097) }, 'gcs').map(({ rule }) => rule)).toEqual(['metadata-value-length']);
    expect(checkMetadata({ ['a'.repeat(1025)]: 'x' }, 'gcs').map(({ rule }) => rule)).toEqual(['metadata-name-length']);
    expect(checkMetadata({ ['a'.repeat(51)]: 'x' }, 'backblaze-b2').map(({ rule }) => rule)).toEqual([
      'metadata-name-length',
    ]);
  });
});
