import { expect } from '@jest/globals';
import fc from 'fast-check';
import { KEYS, keyOf, keyPicks, slots } from './arbitraries.js';
import { expectHeaders } from './attributes.js';
import { headersOf, readConditions, readVerdict } from './conditions.js';
import { etagOf, listed, shownObject, type ModelObject } from './service-model.js';
import { ask, OK, pathOf, REFUSED, step, type Expected } from './step.js';

/** A range in parts of the object: numbers are taken modulo its size and a little more. */
const ranges = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ form: 'none' } as const) },
  { weight: 4, arbitrary: fc.record({ form: fc.constant('from-to' as const), from: fc.nat(), to: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ form: fc.constant('from' as const), from: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ form: fc.constant('last' as const), last: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ form: fc.constantFrom('several' as const, 'unit' as const, 'backwards' as const) }),
  },
);
type Range = typeof ranges extends fc.Arbitrary<infer R> ? R : never;

interface Wanted {
  readonly header?: string;
  /** Inclusive; absent where the whole is to come. */
  readonly part?: { readonly start: number; readonly end: number } | 'outside';
}

function rangeOf(range: Range, size: number): Wanted {
  const within = (number: number): number => number % (size + 3);
  switch (range.form) {
    case 'none':
      return {};
    case 'several':
      return { header: 'bytes=0-0,2-3' };
    case 'unit':
      return { header: 'lines=0-1' };
    case 'backwards':
      return { header: 'bytes=3-1' };
    case 'last': {
      const last = within(range.last);
      const part = last === 0 || size === 0 ? 'outside' : { start: Math.max(0, size - last), end: size - 1 };
      return { header: `bytes=-${last}`, part };
    }
    case 'from': {
      const start = within(range.from);
      return { header: `bytes=${start}-`, part: start < size ? { start, end: size - 1 } : 'outside' };
    }
    case 'from-to': {
      const start = Math.min(within(range.from), within(range.to));
      const end = Math.max(within(range.from), within(range.to));
      const part = start < size ? { start, end: Math.min(end, size - 1) } : 'outside';
      return { header: `bytes=${start}-${end}`, part };
    }
  }
}

const gets = fc.record({
  slot: slots,
  key: keyPicks,
  head: fc.boolean(),
  range: ranges,
  ifRange: fc.constantFrom('none', 'none', 'current', 'other'),
  conditions: readConditions,
});

export const get = step('get', gets, async (model, service, { slot, head, conditions, ...chosen }) => {
  const key = keyOf(model, slot, chosen.key);
  const object = model.object(slot, key);
  const range = rangeOf(chosen.range, object?.body.length ?? 0);
  const etag = object && chosen.ifRange === 'current' ? etagOf(object) : 'other';
  const request = {
    method: head ? 'HEAD' : 'GET',
    path: pathOf(service, slot, key),
    headers: {
      ...headersOf(conditions, object),
      ...(range.header === undefined ? {} : { range: range.header }),
      ...(chosen.ifRange === 'none' ? {} : { 'if-range': `"${etag}"` }),
    },
  } as const;
  const part = head || chosen.ifRange === 'other' ? undefined : range.part;
  const verdict = ((): Expected => {
    if (!model.buckets.has(slot)) return REFUSED.noSuchBucket;
    if (!object) return REFUSED.noSuchKey;
    const read = readVerdict(conditions);
    if (read === 'precondition-failed') return REFUSED.precondition;
    if (read === 'not-modified') return REFUSED.notModified;
    if (part === 'outside') return REFUSED.invalidRange;
    return part ? { status: 206 } : OK;
  })();
  const answer = await ask(service, request, verdict);
  if (answer.status === 304 && object) expect(answer.headers['etag']).toBe(`"${etagOf(object)}"`);
  if (answer.status === 416 && object) expect(answer.headers['content-range']).toBe(`bytes */${object.body.length}`);
  if (!object || part === 'outside' || verdict.code !== undefined) return;
  expectHeaders(answer, object, part === undefined);
  const bytes = part ? object.body.subarray(part.start, part.end + 1) : object.body;
  expect(answer.headers['content-length']).toBe(String(bytes.length));
  expect(answer.headers['content-range']).toBe(part && `bytes ${part.start}-${part.end}/${object.body.length}`);
  expect(answer.bytes.equals(head ? Buffer.alloc(0) : bytes)).toBe(true);
});

const prefixes = fc.constantFrom('', '', 'a', 'a/', 'dir/', '.', '日', '\u{1f600}', 'nothing');
const listings = fc.record({
  slot: slots,
  prefix: prefixes,
  delimiter: fc.constantFrom(null, '/', '/', 'b', '//', '日本'),
  marker: fc.oneof(fc.constant(''), fc.constantFrom(...KEYS), fc.constantFrom('a/', 'dir/', '日本/', '\uffff', '../')),
  maxKeys: fc.constantFrom(0, 1, 2, 3, 1000),
});

export const list = step('list', listings, async (model, service, { slot, ...query }) => {
  const bucket = model.buckets.get(slot);
  const text = new URLSearchParams({ maxKeys: String(query.maxKeys) });
  for (const name of ['prefix', 'delimiter', 'marker'] as const) if (query[name]) text.set(name, query[name]);
  const path = `/v1/${service.nameOf(slot)}?${text.toString()}`;
  const answer = await ask(service, { method: 'GET', path }, bucket ? OK : REFUSED.noSuchBucket);
  if (bucket) expect(answer.json()).toEqual({ name: service.nameOf(slot), ...listed(bucket, query) });
});

interface Page {
  readonly objects: readonly unknown[];
  readonly commonPrefixes: readonly string[];
  readonly nextMarker: string | null;
}

const pagings = fc.record({
  slot: slots,
  delimiter: fc.constantFrom(null, '/'),
  maxKeys: fc.integer({ min: 1, max: 5 }),
});

/** Page by page to the end: the same as in one. */
export const listByPages = step('listByPages', pagings, async (model, service, { slot, delimiter, maxKeys }) => {
  const bucket = model.buckets.get(slot);
  if (!bucket) return;
  const found: { objects: unknown[]; commonPrefixes: string[] } = { objects: [], commonPrefixes: [] };
  for (let marker: string | null = ''; marker !== null;) {
    const query = new URLSearchParams({
      maxKeys: String(maxKeys),
      marker,
      ...(delimiter === null ? {} : { delimiter }),
    });
    const path = `/v1/${service.nameOf(slot)}?${query.toString()}`;
    const page = (await ask(service, { method: 'GET', path }, OK)).json() as Page;
    found.objects.push(...page.objects);
    found.commonPrefixes.push(...page.commonPrefixes);
    marker = page.nextMarker;
  }
  const { objects, commonPrefixes } = listed(bucket, { prefix: '', delimiter, marker: '', maxKeys: 1000 });
  expect(found).toEqual({ objects, commonPrefixes });
});

/** Everything, byte for byte: the last step of each run. */
export const everything = step('everything', fc.constant('is as it should be'), async (model, service) => {
  for (const [slot, bucket] of model.buckets) {
    const listing = await ask(service, { method: 'GET', path: `/v1/${service.nameOf(slot)}` }, OK);
    const query = { prefix: '', delimiter: null, marker: '', maxKeys: 1000 };
    expect(listing.json()).toEqual({ name: service.nameOf(slot), ...listed(bucket, query) });
    for (const [key, object] of bucket.objects) {
      const answer = await ask(service, { method: 'GET', path: pathOf(service, slot, key) }, OK);
      expectWhole(answer.bytes, key, object);
      expectHeaders(answer, object, true);
    }
  }
});

function expectWhole(bytes: Buffer, key: string, object: ModelObject): void {
  if (!bytes.equals(object.body)) expect(bytes.length).toBe(`the bytes of ${JSON.stringify(shownObject(key, object))}`);
}
