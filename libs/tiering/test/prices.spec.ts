import { describe, expect, it } from '@jest/globals';
import { DEFAULT_PRICES, findStorageClass, priceOf, storageCost } from '#libs/tiering';

describe('the price table that comes with Spumoni', () => {
  const { prices, sources = [], asOf } = DEFAULT_PRICES;

  it('names classes that their vendors have, each once, at prices that can be', () => {
    const names = prices.map(({ vendor, storageClass }) => `${vendor} ${storageClass}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { vendor, storageClass, gibMonth, thousandWrites, thousandReads, gibOut } of prices) {
      expect(findStorageClass(vendor, storageClass)?.name).toBe(storageClass);
      expect(gibMonth).toBeGreaterThan(0);
      expect(gibMonth).toBeLessThan(1);
      for (const figure of [thousandWrites, thousandReads, gibOut]) {
        expect(figure).toBeGreaterThanOrEqual(0);
        expect(figure).toBeLessThan(1);
      }
    }
  });

  it('says where the prices of every vendor come from, and when they were looked at, if they were', () => {
    const vendors = new Set(prices.map(({ vendor }) => vendor));
    expect(new Set(sources.map(({ vendor }) => vendor))).toEqual(vendors);
    for (const { what, source, seen } of sources) {
      expect([what, source].every((text) => text.length > 0)).toBe(true);
      expect(seen === 'not checked' || (/^\d{4}-\d{2}-\d{2}$/.test(seen) && seen <= asOf)).toBe(true);
    }
  });

  it('costs less the colder a class is', () => {
    const month = (vendor: 'aws' | 'azure' | 'gcs', storageClass: string): number => {
      const price = priceOf(DEFAULT_PRICES, vendor, storageClass);
      return price ? storageCost(price, 2 ** 40) : NaN;
    };
    expect(month('aws', 'STANDARD')).toBeGreaterThan(month('aws', 'STANDARD_IA'));
    expect(month('aws', 'STANDARD_IA')).toBeGreaterThan(month('aws', 'GLACIER_IR'));
    expect(month('azure', 'Hot')).toBeGreaterThan(month('azure', 'Cool'));
    expect(month('azure', 'Cool')).toBeGreaterThan(month('azure', 'Cold'));
    expect(month('gcs', 'STANDARD')).toBeGreaterThan(month('gcs', 'NEARLINE'));
  });
});
