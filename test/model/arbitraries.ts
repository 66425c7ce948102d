import fc from 'fast-check';
import type { Attributes, ServiceModel } from './service-model.js';

export const SLOTS = [0, 1, 2] as const;
/** Two slots hold buckets from the beginning, so most steps go there. */
export const slots = fc.constantFrom(0, 0, 0, 0, 1, 1, 1, 2);

/** Keys that stores, URL parsers and orders get wrong, and some that they do not. */
export const KEYS = [
  'a',
  'a/b',
  'a/b/c',
  'a/',
  'a//b',
  '/a',
  'dir/',
  'dir/x y+z',
  'dir/%2e%2e%2f',
  '..',
  '../dir/x',
  './a',
  'a/../b',
  'ü',
  'u\u0308',
  '日本/語',
  '\u{1f600}',
  '\uffee',
  'a?b#c&d=e',
  'quote\'"<>\\',
  'tab\tand\nline',
  '.spumoni',
  // The longest there can be, in segments that a file store can hold.
  `${`${'k'.repeat(127)}/`.repeat(7)}${'k'.repeat(128)}`,
] as const;

/** A key by its place in the list or, more often, among those that are there. */
export type KeyPick = { readonly at: number; readonly existing: boolean };
export const keyPicks: fc.Arbitrary<KeyPick> = fc.record({
  at: fc.nat(KEYS.length - 1),
  existing: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
});
/** For writes, which should come to new keys as well. */
export const newKeyPicks: fc.Arbitrary<KeyPick> = keyPicks.map(({ at, existing }) => ({
  at,
  existing: existing && at % 3 === 0,
}));

export function keyOf(model: ServiceModel, slot: number, { at, existing }: KeyPick): string {
  const there = existing ? [...(model.buckets.get(slot)?.objects.keys() ?? [])] : [];
  return there[at % Math.max(1, there.length)] ?? KEYS[at] ?? 'a';
}

/** One byte, less than a part of a buffer, what is still read whole, one byte more, and several chunks of every layer. */
export const sizes = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, 1, 15, 1_000) },
  { weight: 4, arbitrary: fc.constantFrom(65_535, 65_536, 65_537) },
  { weight: 1, arbitrary: fc.constantFrom(1_048_577, 3_000_000) },
);

const text = fc.constantFrom(
  '',
  'x',
  'two words',
  'zürich',
  '日本',
  '\u{1f600}',
  '%41=&',
  '"quoted", comma; semi',
  "UTF-8''a",
);
const filled = text.filter((value) => value !== '');
const metadataNames = fc.constantFrom(
  'color',
  'with-dash',
  'with_low',
  '0digit',
  '__proto__',
  'constructor',
  'tostring',
  'x.y~z',
);
const tagKeys = fc.constantFrom('project', 'a b', 'k:ey/=+', '__proto__', 'ß');
const tagValues = fc.constantFrom('', 'x', 'two words', 'ümlaut', '+-=._:/@');

const headers = fc.record(
  {
    contentType: fc.constantFrom('text/plain', 'text/html; charset=utf-8', 'x'),
    cacheControl: fc.constantFrom('no-cache', 'max-age=60'),
    contentDisposition: fc.constantFrom('attachment; filename="ü.txt"', 'inline'),
    contentEncoding: fc.constantFrom('gzip', 'br, gzip'),
    contentLanguage: fc.constantFrom('de', 'de, en'),
    expires: fc.constantFrom('Thu, 01 Dec 2033 16:00:00 GMT', '0'),
  },
  { requiredKeys: [] },
);

/** `fc.dictionary` would give `__proto__` a meaning. */
function pairs(
  names: fc.Arbitrary<string>,
  values: fc.Arbitrary<string>,
): fc.Arbitrary<Readonly<Record<string, string>>> {
  return fc
    .uniqueArray(fc.tuple(names, values), { maxLength: 3, selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries) as Record<string, string>);
}

export const attributes: fc.Arbitrary<Attributes> = fc.record({
  headers,
  metadata: pairs(metadataNames, text),
  tags: pairs(tagKeys, tagValues),
});
export const attributeParts = {
  headers: headers.filter((chosen) => Object.keys(chosen).length > 0),
  metadata: pairs(metadataNames, filled),
  tags: pairs(tagKeys, tagValues),
};

/** What a request says of tier or class: nothing mostly; `other` is a class that is not the default, where the vendor has one. */
export type ClassWish = 'none' | 'Gold' | 'silver' | 'default' | 'other' | 'no-such-class';
export const classWishes: fc.Arbitrary<ClassWish> = fc.oneof(
  { weight: 5, arbitrary: fc.constant('none' as const) },
  { weight: 4, arbitrary: fc.constantFrom('Gold' as const, 'silver' as const, 'default' as const, 'other' as const) },
  { weight: 1, arbitrary: fc.constant('no-such-class' as const) },
);
