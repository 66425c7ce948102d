import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterAll, idOf, rangeOf, type IdRange } from '../src/object-index/mongodb/addresses.js';
import { keyEntry, type KeyEntry } from '../src/object-index/mongodb/documents.js';
import { listPage } from '../src/object-index/mongodb/listing.js';
import { anyKey, bucketId, shown, text } from './object-index/documents.js';

const BUCKET = bucketId('bucket');
const order = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right));

function isIn(range: IdRange, id: string): boolean {
  const isAfterStart = '$gt' in range ? order(id, range.$gt) > 0 : order(id, range.$gte) >= 0;
  return isAfterStart && order(id, range.$lt) < 0;
}

describe('ranges of ids on MongoDB', () => {
  it('hold exactly the keys with the prefix after the marker, in UTF-8 bytes', () => {
    const id = (key: string): string => idOf({ bucket: BUCKET, key });
    fc.assert(
      fc.property(anyKey, text, text, (key, prefix, after) => {
        const range = rangeOf(BUCKET, prefix, after);
        const isWanted = key.startsWith(prefix) && (after === '' || order(key, after) > 0);
        expect(range !== undefined && isIn(range, id(key))).toBe(isWanted);
      }),
      { numRuns: 2000 },
    );
  });

  it('end at the next code point, past the surrogates, and past the last one a place earlier', () => {
    expect(afterAll('a')).toBe('b');
    expect(afterAll('a\ud7ff')).toBe('a\ue000');
    expect(afterAll('a\uffff')).toBe('a\u{10000}');
    expect(afterAll('a\u{10ffff}\u{10ffff}')).toBe('b');
    expect(() => afterAll('\u{10ffff}')).toThrow(TypeError);
  });

  it('keep U+FF5E before U+1F600, which JavaScript does not', () => {
    const [tilde, smile] = ['\uff5e', '\u{1f600}'];
    expect(tilde < smile).toBe(false);
    const range = rangeOf(BUCKET, '', tilde);
    expect(range !== undefined && isIn(range, idOf({ bucket: BUCKET, key: smile }))).toBe(true);
  });
});

describe('a listing on MongoDB', () => {
  const entries: KeyEntry[] = [];
  for (let prefix = 0; prefix < 100; prefix += 1)
    for (let at = 0; at < 200; at += 1)
      entries.push(
        keyEntry(
          idOf({ bucket: BUCKET, key: `${String(prefix).padStart(3, '0')}/${String(at).padStart(3, '0')}` }),
          shown(at),
        ),
      );

  const counted = () => {
    const asked = { reads: 0, entries: 0 };
    const read = (range: IdRange, limit: number): Promise<KeyEntry[]> => {
      const found = entries.filter(({ _id }) => isIn(range, _id)).slice(0, limit);
      asked.reads += 1;
      asked.entries += found.length;
      return Promise.resolve(found);
    };
    return { asked, read };
  };

  it('skips what lies under a common prefix instead of reading it', async () => {
    const { asked, read } = counted();
    const page = await listPage(BUCKET, { delimiter: '/', limit: 1000 }, read);
    expect([page.commonPrefixes.length, page.isTruncated]).toEqual([100, false]);
    expect(asked.reads).toBeLessThanOrEqual(102);
    expect(asked.entries).toBeLessThan(300);
  });

  it('reads a page without a delimiter at once', async () => {
    const { asked, read } = counted();
    const page = await listPage(BUCKET, { limit: 1000 }, read);
    expect([page.keys.length, page.isTruncated, page.nextMarker]).toEqual([1000, true, '004/199']);
    expect(asked).toEqual({ reads: 1, entries: 1001 });
  });
});
