import { expect } from '@jest/globals';
import type { ClassWish } from './arbitraries.js';
import type { RawAnswer } from './raw-client.js';
import {
  etagOf,
  STANDARD,
  type Attributes,
  type Class,
  type ModelBucket,
  type ModelObject,
  type Pairs,
} from './service-model.js';
import type { Home, Service } from './step.js';

const TIERS = new Map([
  ['gold', 'Gold'],
  ['silver', 'Silver'],
]);

export function homeOf(service: Service, bucket: ModelBucket): Home {
  const home = service.homes.find(({ name }) => name === bucket.home);
  if (!home) throw new Error(`no home ${bucket.home}`);
  return home;
}

/** The word that the wish is sent as; undefined for none. */
export function wordOf(wish: ClassWish, home: Home): string | undefined {
  if (wish === 'none') return undefined;
  if (wish === 'default') return home.classes[0];
  return wish === 'other' ? (home.classes[1] ?? home.classes[0]) : wish;
}

/** What the wish comes to at that home; undefined where it is refused. All default tiers name the default class at the homes of this suite. */
export function classOf(wish: ClassWish, home: Home): Class | undefined {
  const tier = TIERS.get(wish.toLowerCase());
  if (tier !== undefined) return { tier, storageClass: home.classes[0] };
  const word = wordOf(wish, home);
  return word !== undefined && home.classes.includes(word) ? { tier: null, storageClass: word } : undefined;
}

export function tagsFit(tags: Pairs, { asciiTags }: Home): boolean {
  return !asciiTags || /^[ -~]*$/.test(Object.entries(tags).flat().join(''));
}

/** The class of what is written without a wish: the bucket's policy, else the default. */
export function classOfBucket(bucket: ModelBucket, home: Home): Class {
  return { tier: bucket.policy, storageClass: home.classes[0] };
}

/** Attributes as an upload sends them. */
export function uploadHeaders({ headers, metadata, tags }: Attributes): Record<string, string> {
  const sent: Record<string, string> = {};
  for (const [name, wire] of Object.entries(STANDARD)) {
    const value = headers[name as keyof typeof STANDARD];
    if (value !== undefined) sent[wire] = value;
  }
  for (const [name, value] of Object.entries(metadata)) sent[`x-amz-meta-${name}`] = value;
  if (Object.keys(tags).length > 0) sent['x-amz-tagging'] = queryOf(tags);
  return sent;
}

function queryOf(tags: Pairs): string {
  return Object.entries(tags)
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .join('&');
}

/** Holds a GET's or HEAD's headers to the object. */
export function expectHeaders(answer: RawAnswer, object: ModelObject, isWhole: boolean): void {
  const shown = Object.entries(answer.headers).filter(([name]) => isOfObject(name));
  expect(
    Object.fromEntries(shown.map(([name, value]) => [name, name === 'x-amz-tagging' ? tagsIn(value) : value])),
  ).toEqual({
    'content-type': 'application/octet-stream',
    ...withoutTags(object),
    ...(Object.keys(object.tags).length > 0
      ? { 'x-amz-tagging': sorted(object.tags), 'x-amz-tagging-count': String(Object.keys(object.tags).length) }
      : {}),
    ...(isWhole ? object.checksums : {}),
    ...(object.tier === null ? {} : { 'x-spumoni-tier': object.tier }),
    etag: `"${etagOf(object)}"`,
    'last-modified': new Date(object.lastModified).toUTCString(),
    'x-amz-storage-class': object.storageClass,
    'x-spumoni-location': object.location,
  });
}

function withoutTags({ headers, metadata }: ModelObject): Record<string, string> {
  return uploadHeaders({ headers, metadata, tags: {} });
}

const OWN = new Set<string>([
  ...Object.values(STANDARD),
  'etag',
  'last-modified',
  'x-spumoni-location',
  'x-spumoni-tier',
]);

function isOfObject(name: string): boolean {
  return OWN.has(name) || name.startsWith('x-amz-');
}

function tagsIn(value: string): [string, string][] {
  const pairs = value.split('&').map((pair) => pair.split('=').map(decodeURIComponent));
  return pairs.map(([name = '', tag = '']): [string, string] => [name, tag]).sort(([a], [b]) => (a < b ? -1 : 1));
}

function sorted(pairs: Pairs): [string, string][] {
  return Object.entries(pairs).sort(([a], [b]) => (a < b ? -1 : 1));
}
