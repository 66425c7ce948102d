import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { isLinkContentType, parseLink, signLink, type LinkTerms } from '../src/index.js';
import { isSignedBy } from '../src/links.js';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
const expires = fc.integer({ min: 1, max: 99_999_999_999 });
const accessKeyId = fc.stringMatching(/^[\w.%-]{3,24}$/);
const terms: fc.Arbitrary<LinkTerms> = fc.oneof(
  fc.record({ method: fc.constantFrom('GET' as const, 'HEAD' as const), expires, accessKeyId }),
  fc.record(
    {
      method: fc.constant('PUT' as const),
      expires,
      accessKeyId,
      maxBytes: fc.nat(),
      contentType: fc.constantFrom('image/png', 'text/plain; charset=utf-8', 'image/svg+xml'),
    },
    { requiredKeys: ['method', 'expires', 'accessKeyId'] },
  ),
);
const place = fc.record({ bucketId: fc.uuid(), key: text });
const SECRET = 'a-secret-key';
/** As secrets are made. (HMAC fills a short key up with zero bytes: a secret that ends in one is the same without it.) */
const moreOfASecret = fc.stringMatching(/^[\w-]{1,20}$/);

describe('a link', () => {
  it('comes back as it was signed, and is its signer’s alone', () => {
    fc.assert(
      fc.property(terms, place, text, moreOfASecret, (wished, where, other, more) => {
        const link = parseLink(signLink(SECRET, wished, where));
        expect(link).toMatchObject(wished);
        if (!link) return;
        expect(isSignedBy(SECRET, link, where)).toBe(true);
        expect(isSignedBy(SECRET + more, link, where)).toBe(false);
        expect(isSignedBy(SECRET, link, { ...where, key: where.key + other })).toBe(false);
        expect(isSignedBy(SECRET, link, { ...where, bucketId: where.bucketId + other })).toBe(false);
      }),
    );
  });

  it('is not genuine with any one character changed, taken away or added', () => {
    fc.assert(
      fc.property(
        terms,
        place,
        fc.nat(),
        fc.constantFrom('0', 'a', ':', '9', 'f', 'G', 'Z', '%', '/', ' ', 'é'),
        (wished, where, at, sign) => {
          const token = signLink(SECRET, wished, where);
          const position = at % (token.length + 1);
          const [before, after] = [token.slice(0, position), token.slice(position)];
          for (const altered of [before + sign + after.slice(1), before + sign + after, before + after.slice(1)]) {
            if (altered === token) continue;
            const link = parseLink(altered);
            expect(link !== undefined && isSignedBy(SECRET, link, where)).toBe(false);
          }
        },
      ),
    );
  });

  it('does not say where its terms end and its place begins in two ways', () => {
    const wished = { method: 'GET', expires: 9, accessKeyId: 'key' } as const;
    const one = parseLink(signLink(SECRET, wished, { bucketId: 'b', key: 'c\nd' }));
    expect(one && isSignedBy(SECRET, one, { bucketId: 'b', key: 'c' })).toBe(false);
  });

  it('can be computed by whoever has the key, from its description alone', () => {
    const terms = 'v1:PUT:1763800000:AKEY:1024:image/png';
    const signingKey = createHmac('sha256', SECRET).update('spumoni-link-v1').digest();
    const signature = createHmac('sha256', signingKey).update(`${terms}\nthe-id\na b/ü.png`).digest('hex');
    const wished = { method: 'PUT', expires: 1_763_800_000, accessKeyId: 'AKEY', maxBytes: 1024 } as const;
    const place = { bucketId: 'the-id', key: 'a b/ü.png' };
    expect(signLink(SECRET, { ...wished, contentType: 'image/png' }, place)).toBe(`${terms}:${signature}`);
  });

  it.each(['', 'v1', 'v2:GET:9:key:::', 'v1:DELETE:9:key:::', 'v1:GET:09:key:::', 'v1:GET:9:key:5::'])(
    '%j is none',
    (start) => {
      expect(parseLink(start + '0'.repeat(64))).toBeUndefined();
    },
  );

  it('names a media type only as far as it can be compared', () => {
    expect(['image/png', 'text/plain;charset=utf-8'].map(isLinkContentType)).toEqual([true, true]);
    expect(['png', 'a/b; c="d:e"', 'a/b\n', 'a:b/c', ''].map(isLinkContentType)).toEqual(Array(5).fill(false));
  });
});
