import { describe, expect, it } from '@jest/globals';
import { VENDORS, type Vendor } from '#libs/naming';
import {
  compareColdness,
  defaultStorageClass,
  findStorageClass,
  mayTransition,
  needsRestore,
  storageClassesOf,
} from '#libs/tiering';

describe('storage classes of every vendor', () => {
  it.each(VENDORS)('%s has one default, unique names, and transitions only to classes of its own', (vendor) => {
    const classes = storageClassesOf(vendor);
    expect(classes.filter((one) => one.default)).toHaveLength(1);
    const spoken = classes.flatMap((one) => [one.name, ...(one.aliases ?? [])].map((name) => name.toLowerCase()));
    expect(new Set(spoken).size).toBe(spoken.length);
    const names = classes.map((one) => one.name);
    for (const one of classes) expect(names).toEqual(expect.arrayContaining([...one.transitionsTo]));
  });

  it.each(VENDORS)('%s lets a rule go down its list only, so a waterfall has no cycle', (vendor) => {
    for (const from of storageClassesOf(vendor))
      for (const to of from.transitionsTo) expect(compareColdness(vendor, to, from.name)).toBeGreaterThan(0);
  });

  it.each(VENDORS)('%s never needs a restore for its default class', (vendor) => {
    expect(needsRestore(vendor, defaultStorageClass(vendor).name)).toBe(false);
  });

  it.each<[Vendor, string, string | undefined]>([
    ['aws', 'standard_ia', 'STANDARD_IA'],
    ['azure', 'COOL', 'Cool'],
    ['gcs', 'nearline', 'NEARLINE'],
    ['huawei-obs', 'warm', 'STANDARD_IA'],
    ['huawei-obs', 'COLD', 'GLACIER'],
    ['alibaba-oss', 'archive', 'GLACIER'],
    ['azure', 'GLACIER', undefined],
    ['filesystem', 'STANDARD_IA', undefined],
    ['cloudflare-r2', 'GLACIER', undefined],
  ])('%s finds %s as %s', (vendor, name, canonical) => {
    expect(findStorageClass(vendor, name)?.name).toBe(canonical);
  });

  it.each<[Vendor, string, number, number]>([
    ['aws', 'STANDARD_IA', 30, 131_072],
    ['aws', 'ONEZONE_IA', 30, 131_072],
    ['aws', 'GLACIER_IR', 90, 131_072],
    ['aws', 'GLACIER', 90, 0],
    ['aws', 'DEEP_ARCHIVE', 180, 0],
    ['azure', 'Cool', 30, 0],
    ['azure', 'Cold', 90, 0],
    ['azure', 'Archive', 180, 0],
    ['gcs', 'NEARLINE', 30, 0],
    ['gcs', 'COLDLINE', 90, 0],
    ['gcs', 'ARCHIVE', 365, 0],
    ['alibaba-oss', 'STANDARD_IA', 30, 65_536],
    ['alibaba-oss', 'GLACIER', 60, 65_536],
  ])('%s %s is billed for %i days and %i bytes at least', (vendor, name, days, bytes) => {
    expect(findStorageClass(vendor, name)).toMatchObject({ minimumDays: days, minimumBytes: bytes });
  });
});

describe('the AWS waterfall, pair by pair', () => {
  const classes = [
    'STANDARD',
    'INTELLIGENT_TIERING',
    'STANDARD_IA',
    'ONEZONE_IA',
    'GLACIER_IR',
    'GLACIER',
    'DEEP_ARCHIVE',
  ];
  const table: readonly (readonly [string, string])[] = [
    ['STANDARD', '0111111'],
    ['INTELLIGENT_TIERING', '0001111'],
    ['STANDARD_IA', '0101111'],
    ['ONEZONE_IA', '0000011'],
    ['GLACIER_IR', '0000011'],
    ['GLACIER', '0000001'],
    ['DEEP_ARCHIVE', '0000000'],
  ];
  it.each(table)('from %s', (from, row) => {
    expect(classes.map((to) => (mayTransition('aws', from, to) ? '1' : '0')).join('')).toBe(row);
  });

  it('nothing goes to REDUCED_REDUNDANCY, EXPRESS_ONEZONE or OUTPOSTS', () => {
    for (const from of storageClassesOf('aws'))
      for (const to of ['REDUCED_REDUNDANCY', 'EXPRESS_ONEZONE', 'OUTPOSTS'])
        expect(mayTransition('aws', from.name, to)).toBe(false);
  });
});

describe('the waterfalls of the others only ever go colder', () => {
  const others = VENDORS.filter((vendor) => vendor !== 'aws');
  it.each(others)('%s', (vendor) => {
    for (const from of storageClassesOf(vendor))
      for (const to of storageClassesOf(vendor)) {
        const colder = compareColdness(vendor, to.name, from.name) > 0;
        expect(mayTransition(vendor, from.name, to.name)).toBe(colder);
      }
  });
});

describe('what must be restored before it is read', () => {
  it.each<[Vendor, string]>([
    ['aws', 'GLACIER'],
    ['aws', 'DEEP_ARCHIVE'],
    ['azure', 'Archive'],
    ['huawei-obs', 'COLD'],
    ['alibaba-oss', 'GLACIER'],
  ])('%s %s is', (vendor, name) => expect(needsRestore(vendor, name)).toBe(true));

  it.each<[Vendor, string]>([
    ['aws', 'GLACIER_IR'],
    ['azure', 'Cold'],
    ['gcs', 'ARCHIVE'],
    ['minio', 'REDUCED_REDUNDANCY'],
    ['generic', 'SOMETHING_ELSE'],
  ])('%s %s is not', (vendor, name) => expect(needsRestore(vendor, name)).toBe(false));
});
