import { describe, expect, it } from '@jest/globals';
import { checkTags, limitsOf, VENDORS, vendorOf } from '../src/index.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;
const rules = (tags: Record<string, string>, vendor: Parameters<typeof checkTags>[1] = 'aws'): string[] =>
  checkTags(tags, vendor).map(({ rule }) => rule);

describe('tags of objects', () => {
  it('takes ten, of 128 and 256 characters, of letters, digits, spaces and + - = . _ : / @', () => {
    const ten = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`k${String(index)}`, 'v']));
    expect(rules(ten)).toEqual([]);
    expect(rules({ ...ten, k10: 'v' })).toEqual(['tag-count']);
    expect(rules({ ['k'.repeat(128)]: 'v'.repeat(256), 'a b+-=._:/@é1': '' })).toEqual([]);
  });

  it.each([
    [{ '': 'v' }, 'tag-key-length'],
    [{ ['k'.repeat(129)]: 'v' }, 'tag-key-length'],
    [{ k: 'v'.repeat(257) }, 'tag-value-length'],
    [{ 'k!': 'v' }, 'tag-key-characters'],
    [{ k: 'v\n' }, 'tag-value-characters'],
    [{ k: 'a,b' }, 'tag-value-characters'],
    [{ 'aws:k': 'v' }, 'tag-reserved-prefix'],
  ])('refuses %j by %s', (tags, rule) => {
    expect(rules(tags as Record<string, string>)).toEqual([rule]);
  });

  it('holds Azure to its narrower alphabet', () => {
    expect(rules({ 'a b': '+-./:=_' }, 'azure')).toEqual([]);
    expect(rules({ k: 'me@example' }, 'azure')).toEqual(['tag-value-characters']);
    expect(rules({ é: 'v' }, 'azure')).toEqual(['tag-key-characters']);
  });

  it('holds MinIO to the letters of ASCII', () => {
    expect(rules({ 'a b': '+-./:=_@' }, 'minio')).toEqual([]);
    expect(rules({ k: 'é' }, 'minio')).toEqual(['tag-value-characters']);
    expect(rules({ k: 'é' }, 'aws')).toEqual([]);
  });
});

describe('limits of every vendor', () => {
  it('are whole numbers that a double holds exactly, and fit each other', () => {
    for (const vendor of VENDORS) {
      const limits = limitsOf(vendor);
      for (const limit of Object.values(limits) as unknown[]) {
        if (typeof limit === 'number') expect(Number.isSafeInteger(limit) && limit > 0).toBe(true);
      }
      expect(limits.minPartBytes).toBeLessThanOrEqual(limits.maxPartBytes);
      expect(limits.maxSinglePutBytes).toBeLessThanOrEqual(limits.maxObjectBytes);
      expect(limits.maxPartBytes * limits.maxParts).toBeGreaterThanOrEqual(limits.maxSinglePutBytes);
    }
  });

  it('are those of the vendors’ documents', () => {
    expect(limitsOf('aws')).toMatchObject({
      maxObjectBytes: 50_000 * GIB,
      maxSinglePutBytes: 5 * GIB,
      maxParts: 10_000,
    });
    expect(limitsOf('azure')).toMatchObject({ maxParts: 50_000, maxPartBytes: 4000 * MIB, deleteBatch: 256 });
    expect(limitsOf('gcs')).toMatchObject({ maxObjectBytes: 5 * TIB, maxSinglePutBytes: 5 * TIB, deleteBatch: 100 });
    expect(limitsOf('cloudflare-r2')).toMatchObject({ equalParts: true, maxSinglePutBytes: 5 * GIB - 5 * MIB });
    expect(limitsOf('huawei-obs')).toMatchObject({ minPartBytes: 102_400, listVersion: 1, urlEncodingListing: false });
    expect(limitsOf('minio')).toMatchObject({ maxObjectBytes: 50 * TIB, listVersion: 2, reliableMultipartEtag: true });
  });

  it('know where listings and ETags cannot be trusted', () => {
    const where = (test: (vendor: (typeof VENDORS)[number]) => boolean): string[] => VENDORS.filter(test);
    expect(where((vendor) => limitsOf(vendor).listVersion === 1)).toEqual(['ceph', 'huawei-obs', 'ibm-cos', 'generic']);
    for (const vendor of ['alibaba-oss', 'cloudflare-r2', 'ibm-cos', 'generic'] as const) {
      expect(limitsOf(vendor).reliableMultipartEtag).toBe(false);
    }
    expect(limitsOf(vendorOf('s3'))).toBe(limitsOf('generic'));
    expect(limitsOf(vendorOf('s3', 'minio'))).toBe(limitsOf('minio'));
  });
});
