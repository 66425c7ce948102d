import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Vendor } from '../src/index.js';
import { checkObjectKey, decodeKey, encodeKey, ESCAPED_KEY_PREFIX, isEscapedKey } from '../src/index.js';
import { MalformedEscapeError, validateObjectKey, VENDORS } from '../src/index.js';

const E = ESCAPED_KEY_PREFIX;
const a = (count: number): string => 'a'.repeat(count);
const NATIVE_EVERYWHERE = [
  'a',
  'a/b.txt',
  'photos/2026/Ä ö.jpg',
  '100%',
  'a+b c&d=é',
  '日本/語',
  '.hidden',
  '.spumoni-not',
];

/** Where each awkward key lies at a vendor. */
const STORED: readonly (readonly [Vendor, key: string, stored: string])[] = [
  ['aws', 'folder/', 'folder/'],
  ['aws', 'a\u0000\u001f\r\nb', 'a\u0000\u001f\r\nb'],
  ['aws', '/a//b', '/a//b'],
  ['aws', 'a/../b', `${E}a/%2E%2E/b`],
  ['aws', './a%', `${E}%2E/a%25`],
  ['aws', 'soap', `${E}soap`],
  ['gcs', 'folder/', 'folder/'],
  ['gcs', 'a\rb\n', `${E}a%0Db%0A`],
  ['gcs', '.', `${E}.`],
  ['gcs', '..', `${E}..`],
  ['gcs', 'a/../b', 'a/../b'],
  ['gcs', '.well-known/acme-challenge/x', `${E}.well-known/acme-challenge/x`],
  ['azure', 'folder/', `${E}folder%2F`],
  ['azure', 'a.', `${E}a%2E`],
  ['azure', 'a./b', `${E}a%2E/b`],
  ['azure', 'a/..', `${E}a/.%2E`],
  ['azure', 'a\\b', `${E}a%5Cb`],
  ['azure', 'a\u0001\u0081\ue000', `${E}a%01%C2%81%EE%80%80`],
  ['azure', '日本.', `${E}日本%2E`],
  ['azure', Array(255).fill('a').join('/'), `${E}${'a/'.repeat(251)}a%2Fa%2Fa%2Fa`],
  ['minio', 'folder/', 'folder/'],
  ['minio', '/a', `${E}%2Fa`],
  ['minio', 'a//b', `${E}a/%2Fb`],
  ['minio', 'a//', `${E}a/%2F`],
  ['minio', '/', `${E}%2F`],
  ['minio', '..', `${E}%2E%2E`],
  ['minio', '.spumoni', `${E}.spumoni`],
  ['minio', a(255), a(255)],
  ['minio', a(256), `${E}${a(254)}%/aa`],
  ['minio', `${a(254)}..`, `${E}${a(254)}%/%2E%2E`],
  ['alibaba-oss', '/a', `${E}%2Fa`],
  ['alibaba-oss', '\\a', `${E}%5Ca`],
  ['alibaba-oss', 'a\\b/', 'a\\b/'],
  ['backblaze-b2', 'a\u007f', `${E}a%7F`],
  ['ceph', 'a\u0001', `${E}a%01`],
  ['huawei-obs', 'a\tb', `${E}a%09b`],
  ['cloudflare-r2', 'a\u0001', 'a\u0001'],
  ['generic', 'a\uffff', `${E}a%EF%BF%BF`],
  ['generic', 'a//b', `${E}a/%2Fb`],
  ['filesystem', '../\\\u0000.', '../\\\u0000.'],
];

const segment = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '..',
    '...',
    'a.',
    '%',
    '%2F',
    '%/',
    '\\',
    '\u0000',
    '\r\n',
    '\u0081',
    '\ue000',
    '\uffff',
    'soap',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', '.', '%', '日', '\u0001', '😀'), minLength: 60, maxLength: 320 }),
);
const anyKey = fc
  .oneof(
    fc.array(segment, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/')),
    fc.integer({ min: 250, max: 500 }).map((count) => 'a/'.repeat(count)),
    fc.string({ unit: 'binary', minLength: 1 }),
  )
  .filter((key) => validateObjectKey(key).length === 0);
const anyVendor = fc.constantFrom(...VENDORS);

describe('keys that every product takes', () => {
  it.each(['a', '/', '.spumoni', '.spumonix/', a(1024), 'é'.repeat(512), '\u0000'])('takes %j', (key) => {
    expect(validateObjectKey(key)).toEqual([]);
  });

  it.each([
    ['', 'key-empty'],
    [a(1025), 'key-length'],
    ['é'.repeat(513), 'key-length'],
    ['a\ud800', 'key-surrogate'],
    ['\udc00', 'key-surrogate'],
    ['.spumoni/', 'key-reserved-prefix'],
    ['.spumoni/e/a', 'key-reserved-prefix'],
  ])('refuses %j by %s', (key, rule) => {
    expect(validateObjectKey(key).map((violation) => violation.rule)).toEqual([rule]);
  });
});

describe('keys at every vendor', () => {
  it.each(STORED)('%s holds %j as %j', (vendor, key, stored) => {
    expect(encodeKey(key, vendor)).toEqual({ ok: true, key: stored, escaped: stored !== key });
    expect(checkObjectKey(key, vendor).length > 0).toBe(stored !== key);
    expect(decodeKey(stored)).toBe(key);
  });

  it('leaves ordinary keys plain everywhere', () => {
    for (const vendor of VENDORS) {
      for (const key of NATIVE_EVERYWHERE) {
        expect(encodeKey(key, vendor)).toEqual({ ok: true, key, escaped: false });
      }
    }
  });

  it('takes keys of the full length, which at OSS is 1,023 bytes', () => {
    for (const vendor of VENDORS) {
      const key = `${`${a(254)}/`.repeat(4)}abcd`;
      expect(encodeKey(key, vendor).ok).toBe(vendor !== 'alibaba-oss');
      expect(encodeKey(key.slice(1), vendor)).toEqual({ ok: true, key: key.slice(1), escaped: false });
    }
  });

  it('refuses with a reason what it can hold neither plain nor escaped', () => {
    const tooLong = encodeKey(`${a(1000)}${'\\'.repeat(10)}`, 'azure');
    expect(tooLong).toMatchObject({ ok: false, violations: [{ rule: 'key-length' }] });
    expect(encodeKey('', 'aws')).toMatchObject({ ok: false, violations: [{ rule: 'key-empty' }] });
    expect(encodeKey('\ud800', 'filesystem')).toMatchObject({ ok: false, violations: [{ rule: 'key-surrogate' }] });
    expect(encodeKey(`${E}a`, 'aws')).toMatchObject({ ok: false, violations: [{ rule: 'key-reserved-prefix' }] });
  });

  it('leaves Spumoni’s own keys plain', () => {
    for (const vendor of VENDORS) {
      expect(encodeKey('.spumoni/container.json', vendor)).toMatchObject({ escaped: false });
    }
    expect(decodeKey('.spumoni/container.json')).toBe('.spumoni/container.json');
    expect(isEscapedKey('.spumoni/container.json')).toBe(false);
  });

  it.each([E, `${E}%`, `${E}%2`, `${E}%zz`, `${E}%FF`, `${E}%ff`, `${E}%C3`])(
    'says that %j is no escape of ours',
    (key) => {
      expect(() => decodeKey(key)).toThrow(MalformedEscapeError);
    },
  );

  it('encodes and decodes any key, to one that the vendor takes', () => {
    let escapes = 0;
    fc.assert(
      fc.property(anyKey, anyVendor, (key, vendor) => {
        const encoded = encodeKey(key, vendor);
        if (!encoded.ok) {
          // Only length can stop an escape: four bytes for one, and a break for each segment, at the very most.
          expect(encoded.violations.map(({ rule }) => rule)).toEqual(['key-length']);
          expect(Buffer.byteLength(key)).toBeGreaterThan(330);
          return;
        }
        expect(checkObjectKey(encoded.key, vendor)).toEqual([]);
        expect(decodeKey(encoded.key)).toBe(key);
        expect(encoded.escaped).toBe(checkObjectKey(key, vendor).length > 0);
        expect(isEscapedKey(encoded.key)).toBe(encoded.escaped);
        if (encoded.escaped) escapes += 1;
      }),
      { numRuns: 5000 },
    );
    expect(escapes).toBeGreaterThan(500);
  });

  it('never gives two keys one place', () => {
    const close = fc.string({
      unit: fc.constantFrom('%', '2', 'F', '5', '/', '.', '\u0000'),
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(close, anyKey), { minLength: 2, maxLength: 30 }),
        anyVendor,
        (keys, vendor) => {
          const places = keys
            .map((key) => encodeKey(key, vendor))
            .flatMap((encoded) => (encoded.ok ? [encoded.key] : []));
          expect(new Set(places).size).toBe(places.length);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
