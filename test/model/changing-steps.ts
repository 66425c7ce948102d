import { expect } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { attributeParts, attributes, classWishes, keyOf, keyPicks, newKeyPicks, sizes, slots } from './arbitraries.js';
import { classOf, classOfBucket, homeOf, tagsFit, uploadHeaders, wordOf } from './attributes.js';
import { headersOf, readConditions, readVerdict, writeConditions, writeMayGoOn } from './conditions.js';
import { content, md5, shownObject, type Class, type ModelObject, type Pairs } from './service-model.js';
import { ask, OK, pathOf, REFUSED, step, type Expected } from './step.js';

/** The answer of a change holds the object as it now is; when that was, only the answer knows. */
function stored(answer: unknown, message: string, key: string, object: Omit<ModelObject, 'lastModified'>): ModelObject {
  const { lastModified } = answer as { lastModified: string };
  const next = { ...object, lastModified };
  expect(new Date(lastModified).toISOString()).toBe(lastModified);
  const checksums = Object.entries(next.checksums).map(([name, value]) => [
    name.slice('x-amz-checksum-'.length),
    value,
  ]);
  const rest = { returnCode: 200, message, checksums: Object.fromEntries(checksums) as Pairs };
  expect(answer).toEqual({ ...rest, ...shownObject(key, next) });
  return next;
}

/** Spumoni's own, and one byte too long. */
const REFUSED_KEYS = ['.spumoni/mine', 'k'.repeat(1025)] as const;

const puts = fc.record({
  slot: slots,
  key: fc.oneof({ weight: 20, arbitrary: newKeyPicks }, { weight: 1, arbitrary: fc.constantFrom(...REFUSED_KEYS) }),
  seed: fc.nat(0xffff),
  size: sizes,
  chunked: fc.boolean(),
  digest: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'md5', 'md5', 'sha256', 'sha256', 'wrong'),
  attributes,
  wish: classWishes,
  conditions: writeConditions,
});

export const put = step('put', puts, async (model, service, chosen) => {
  const { slot, seed, size, chunked, digest, wish } = chosen;
  // Of two faults either may be told first, so that there is one only.
  const conditions = digest === 'wrong' ? [] : chosen.conditions;
  const key = typeof chosen.key === 'string' ? chosen.key : keyOf(model, slot, chosen.key);
  const bucket = model.buckets.get(slot);
  const before = bucket?.objects.get(key);
  const home = bucket ? homeOf(service, bucket) : service.homes[0];
  const body = content(seed, size);
  const sha256 = { 'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64') };
  const word = wordOf(wish, home);
  const request = {
    method: 'PUT',
    path: pathOf(service, slot, key),
    body,
    chunked,
    headers: {
      ...uploadHeaders(chosen.attributes),
      ...(word === undefined ? {} : { 'x-amz-storage-class': word }),
      ...(digest === 'md5' ? { 'content-md5': md5(body).toString('base64') } : {}),
      ...(digest === 'wrong' ? { 'content-md5': md5(Buffer.from('something else')).toString('base64') } : {}),
      ...(digest === 'sha256' ? sha256 : {}),
      ...headersOf(conditions, before),
    },
  } as const;
  const kind = bucket && (wish === 'none' ? classOfBucket(bucket, home) : classOf(wish, home));
  const verdict = ((): Expected => {
    if (!bucket) return REFUSED.noSuchBucket;
    if (typeof chosen.key === 'string') return REFUSED.invalidKey;
    if (!tagsFit(chosen.attributes.tags, home)) return REFUSED.invalidTags;
    if (!kind) return REFUSED.invalidClass;
    if (!writeMayGoOn(conditions, before !== undefined)) return REFUSED.precondition;
    return digest === 'wrong' ? REFUSED.badDigest : OK;
  })();
  const answer = await ask(service, request, verdict);
  if (!bucket || !kind || verdict !== OK) return;
  const message = key.endsWith('/') ? 'Successfully Created Folder!' : 'Successfully Uploaded!';
  const object = {
    ...chosen.attributes,
    ...kind,
    body,
    checksums: digest === 'sha256' ? sha256 : {},
    location: bucket.home,
  };
  bucket.objects.set(key, stored(answer.json(), message, key, object));
});

export const remove = step(
  'remove',
  fc.record({ slot: slots, key: keyPicks, conditions: writeConditions }),
  async (model, service, chosen) => {
    const key = keyOf(model, chosen.slot, chosen.key);
    const bucket = model.buckets.get(chosen.slot);
    const before = bucket?.objects.get(key);
    const mayGoOn = writeMayGoOn(chosen.conditions, before !== undefined);
    const expected = bucket ? (mayGoOn ? OK : REFUSED.precondition) : REFUSED.noSuchBucket;
    const headers = headersOf(chosen.conditions, before);
    const answer = await ask(service, { method: 'DELETE', path: pathOf(service, chosen.slot, key), headers }, expected);
    if (!bucket || expected !== OK) return;
    const deleted = bucket.objects.delete(key);
    expect(answer.json()).toEqual({ returnCode: 204, message: 'Successfully Deleted!', key, deleted });
  },
);

const manyKeys = fc.record({ slot: slots, keys: fc.array(keyPicks, { minLength: 1, maxLength: 12 }) });

export const removeMany = step('removeMany', manyKeys, async (model, service, chosen) => {
  const keys = chosen.keys.map((pick) => keyOf(model, chosen.slot, pick));
  const bucket = model.buckets.get(chosen.slot);
  const request = {
    method: 'POST',
    path: `/v1/${service.nameOf(chosen.slot)}?delete`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keys }),
  } as const;
  const answer = await ask(service, request, bucket ? OK : REFUSED.noSuchBucket);
  if (!bucket) return;
  const results = keys.map((key) => ({ key, deleted: bucket.objects.has(key) }));
  for (const key of keys) bucket.objects.delete(key);
  expect(answer.json()).toEqual({ returnCode: 200, results });
});

const folders = fc.constantFrom('a/', 'dir/', '/', '../', 'a/b/', 'nothing/', '日本/', 'no-folder');

export const removeFolder = step(
  'removeFolder',
  fc.record({ slot: slots, folder: folders }),
  async (model, service, { slot, folder }) => {
    const bucket = model.buckets.get(slot);
    const expected = !bucket ? REFUSED.noSuchBucket : folder.endsWith('/') ? OK : REFUSED.invalidRequest;
    const path = pathOf(service, slot, folder, '?recursive=true');
    const answer = await ask(service, { method: 'DELETE', path }, expected);
    if (!bucket || expected !== OK) return;
    const below = [...bucket.objects.keys()].filter((key) => key.startsWith(folder));
    for (const key of below) bucket.objects.delete(key);
    const outcome = { folder, deleted: below.length, failed: 0, failures: [] };
    expect(answer.json()).toEqual({ returnCode: 204, message: 'Successfully Deleted!', ...outcome });
  },
);

const copies = fc.record({
  from: slots,
  to: slots,
  source: keyPicks,
  /** Onto itself, else to that key. */
  destination: fc.oneof(
    { weight: 5, arbitrary: newKeyPicks },
    { weight: 1, arbitrary: fc.constant('itself' as const) },
  ),
  rename: fc.boolean(),
  metadata: fc.constantFrom('as it is', 'COPY', 'REPLACE'),
  tagging: fc.constantFrom('as it is', 'COPY', 'REPLACE'),
  attributes,
  wish: classWishes,
  onSource: readConditions,
  onDestination: writeConditions,
});

export const copyOrRename = step('copyOrRename', copies, async (model, service, chosen) => {
  const { rename, wish, onSource, onDestination } = chosen;
  const isItself = chosen.destination === 'itself';
  const [from, to] = [chosen.from, isItself ? chosen.from : chosen.to];
  const sourceKey = keyOf(model, from, chosen.source);
  const key = chosen.destination === 'itself' ? sourceKey : keyOf(model, to, chosen.destination);
  const [sourceBucket, bucket] = [model.buckets.get(from), model.buckets.get(to)];
  const [source, before] = [sourceBucket?.objects.get(sourceKey), bucket?.objects.get(key)];
  const onto = from === to && sourceKey === key;
  const home = bucket ? homeOf(service, bucket) : service.homes[0];
  const word = wordOf(wish, home);
  const named = `/${service.nameOf(from)}/${sourceKey}`;
  const request = {
    method: 'POST',
    path: pathOf(service, to, key, `?${rename ? 'renameFrom' : 'copyFrom'}=${encodeURIComponent(named)}`),
    headers: {
      ...uploadHeaders(chosen.attributes),
      ...(chosen.metadata === 'as it is' ? {} : { 'x-amz-metadata-directive': chosen.metadata }),
      ...(chosen.tagging === 'as it is' ? {} : { 'x-amz-tagging-directive': chosen.tagging }),
      ...(word === undefined ? {} : { 'x-amz-storage-class': word }),
      ...headersOf(onSource, source, 'x-amz-copy-source-'),
      ...headersOf(onDestination, before),
    },
  } as const;
  const kind =
    bucket &&
    source &&
    (wish === 'none' ? carriedClass(source, onto, classOfBucket(bucket, home)) : classOf(wish, home));
  const replaced = {
    ...(chosen.metadata === 'REPLACE'
      ? { headers: chosen.attributes.headers, metadata: chosen.attributes.metadata }
      : {}),
    ...(chosen.tagging === 'REPLACE' ? { tags: chosen.attributes.tags } : {}),
  };
  const verdict = ((): Expected => {
    if (!sourceBucket || !bucket) return REFUSED.noSuchBucket;
    if (rename && onto) return REFUSED.invalidRequest;
    if (!source) return REFUSED.noSuchKey;
    if (readVerdict(onSource) !== 'goes on') return REFUSED.precondition;
    if (!tagsFit(replaced.tags ?? source.tags, home)) return REFUSED.invalidTags;
    if (!kind) return REFUSED.invalidClass;
    return writeMayGoOn(onDestination, before !== undefined) ? OK : REFUSED.precondition;
  })();
  const answer = await ask(service, request, verdict);
  if (!bucket || !source || !kind || verdict !== OK) return;
  const message = rename ? 'Successfully Renamed!' : 'Successfully Copied!';
  const object = { ...source, ...replaced, ...kind, location: bucket.home };
  bucket.objects.set(key, stored(answer.json(), message, key, object));
  if (rename) sourceBucket?.objects.delete(sourceKey);
});

/** A copy takes the source's tier along, as the new home maps it, else what the new bucket gives; onto itself everything stays. */
function carriedClass(source: Class, onto: boolean, ofBucket: Class): Class {
  if (onto) return { tier: source.tier, storageClass: source.storageClass };
  return source.tier === null ? ofBucket : { tier: source.tier, storageClass: ofBucket.storageClass };
}

const changes = fc.record({
  slot: slots,
  key: keyPicks,
  change: fc.record(attributeParts, { requiredKeys: [] }),
  wish: classWishes,
  conditions: writeConditions,
});

export const change = step('change', changes, async (model, service, chosen) => {
  const { slot, wish, conditions } = chosen;
  const key = keyOf(model, slot, chosen.key);
  const bucket = model.buckets.get(slot);
  const before = bucket?.objects.get(key);
  const home = bucket ? homeOf(service, bucket) : service.homes[0];
  const word = wordOf(wish, home);
  const isTier = wish === 'Gold' || wish === 'silver';
  const body = { ...chosen.change, ...(word === undefined ? {} : { [isTier ? 'tier' : 'storageClass']: word }) };
  const kind =
    wish === 'none' ? before && { tier: before.tier, storageClass: before.storageClass } : classOf(wish, home);
  const verdict = ((): Expected => {
    if (!bucket) return REFUSED.noSuchBucket;
    if (Object.keys(body).length === 0) return REFUSED.invalidRequest;
    if (!before) return REFUSED.noSuchKey;
    if (!tagsFit(chosen.change.tags ?? {}, home)) return REFUSED.invalidTags;
    if (!kind) return REFUSED.invalidClass;
    return writeMayGoOn(conditions, true) ? OK : REFUSED.precondition;
  })();
  const request = {
    method: 'PATCH',
    path: pathOf(service, slot, key),
    headers: { 'content-type': 'application/json', ...headersOf(conditions, before) },
    body: JSON.stringify(body),
  } as const;
  const answer = await ask(service, request, verdict);
  if (!bucket || !before || !kind || verdict !== OK) return;
  bucket.objects.set(
    key,
    stored(answer.json(), 'Successfully Changed!', key, { ...before, ...chosen.change, ...kind }),
  );
  if (Object.keys(chosen.change).length === 0) expect(bucket.objects.get(key)?.lastModified).toBe(before.lastModified);
});
