import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { legalEverywhere, slugFor, suggestBucketName, validateBucketName } from '../src/index.js';

const PIECES = ['xn--', 'sthree-', 'amzn-s3-demo-', 'goog', 'google', 'g00gle', 'gogle', 'b2-', 'cosv1-', 'account-'];
const ENDS = [
  '-an',
  '-s3alias',
  '--ol-s3',
  '.mrap',
  '--x-s3',
  '--table-s3',
  '.',
  '-',
  '_',
  'oo',
  'le',
  'É',
  '192.168.5.4',
];

const awkward = fc
  .array(fc.oneof(fc.constantFrom(...PIECES, ...ENDS), fc.string({ maxLength: 4 })))
  .map((p) => p.join(''));
const anyString = fc.oneof(
  fc.string({ unit: 'binary' }),
  awkward,
  fc.string({ unit: fc.constantFrom('a', '-', '0', 'g', 'o', 'l', 'e'), maxLength: 90 }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);
const suffix = fc.integer({ min: 0, max: 0xffffffff }).map((n) => n.toString(16).padStart(8, '0'));

describe('suggested bucket names', () => {
  it.each([
    ['My Logs_2026', 'my-logs-2026'],
    ['Bücher', 'bucher'],
    ['logs', 'logs-bucket'],
    ['my-google-x', 'my-g-x'],
    ['goog-logs', 'my-goog-logs'],
    ['b2-logs', 'my-b2-logs'],
    ['logs-for-an', 'logs-for-an-bucket'],
    ['192.168.5.4', '192-168-5-4'],
    ['my-logs', 'my-logs'],
  ])('%j becomes %j', (name, expected) => {
    expect(suggestBucketName(name)).toBe(expected);
  });

  it('tells names without a single letter of ASCII apart', () => {
    expect(suggestBucketName('日本')).toMatch(/^bucket-[0-9a-f]{8}$/);
    expect(suggestBucketName('日本')).not.toBe(suggestBucketName('中国'));
  });

  it('are legal at every vendor, whatever the text, and free of warnings at GCS', () => {
    fc.assert(
      fc.property(anyString, (text) => {
        const suggestion = suggestBucketName(text);
        expect(legalEverywhere(suggestion)).toBe(true);
        expect(validateBucketName(suggestion, 'gcs').warnings).toEqual([]);
        expect(suggestBucketName(text)).toBe(suggestion);
      }),
      { numRuns: 2000 },
    );
  });

  it('take texts of any length', () => {
    expect(legalEverywhere(suggestBucketName('google'.repeat(50_000)))).toBe(true);
  });
});

describe('slugs of containers', () => {
  it('are the name’s suggestion and the suffix, at most 63 characters, legal everywhere', () => {
    expect(slugFor('My Logs', '0123abcd')).toBe('my-logs-0123abcd');
    fc.assert(
      fc.property(anyString, suffix, (text, digits) => {
        const slug = slugFor(text, digits);
        expect(slug.length).toBeLessThanOrEqual(63);
        expect(slug.endsWith(`-${digits}`)).toBe(true);
        expect(legalEverywhere(slug)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['', '1234567', '123456789', 'ABCDEF01', 'ghijklmn'])('refuse the suffix %j', (text) => {
    expect(() => slugFor('logs', text)).toThrow(RangeError);
  });
});
