import { randomUUID } from 'node:crypto';
import type { Filter } from 'mongodb';
import { addressOf, bucketRange, bucketStart, idOf } from './addresses.js';
import type { ReadOptions } from './connection.js';
import { bucketEntry, bucketText, heldBucketOf, keyEntry, type BucketEntry, type KeyEntry } from './documents.js';
import { isDuplicate } from './failures.js';
import type { Collections } from './link.js';
import type { BucketSteps, Expectation, KeySteps, Steps } from './steps.js';

const PAUSE_MS = { least: 2, most: 50 };
/** With the pauses above about a second: a permit in use is held for two operations. */
const PATIENCE = 25;

/** The steps on MongoDB, each one operation on one document, in the causal order of the options' session. */
export function mongodbSteps(collections: Collections, options: ReadOptions): Steps {
  return {
    keys: keySteps(collections, options),
    buckets: bucketSteps(collections, options),
    newId: () => randomUUID(),
    pause: (round) =>
      new Promise((resolve) => setTimeout(resolve, Math.min(PAUSE_MS.most, PAUSE_MS.least * 2 ** round))),
    patience: PATIENCE,
  };
}

function keySteps({ keys }: Collections, options: ReadOptions): KeySteps {
  const { session } = options;
  return {
    look: async (address) => {
      const entry = await keys.findOne({ _id: idOf(address) }, { ...options, projection: { v: 1, m: 1 } });
      if (entry === null) return undefined;
      const { v: version, m: permit } = entry;
      return {
        ...(version === undefined ? {} : { version }),
        ...(permit === undefined ? {} : { permit: nameOf(permit) }),
      };
    },
    takePermit: async (address, expected, permit) => {
      const [_id, m] = [idOf(address), bucketStart(address.bucket) + permit];
      if (expected === null) return wentIn(keys.insertOne({ _id, m }, { session }));
      const filter = { _id, v: expected, m: { $exists: false } };
      return (await keys.updateOne(filter, { $set: { m } }, { session })).matchedCount === 1;
    },
    put: async (address, expectation, next) => {
      const { _id, ...entry } = keyEntry(idOf(address), next);
      // Without a permit a document that does not exist is made; with one it stands there already, holding the permit alone.
      const upsert = expectation.expected === null && expectation.permit === undefined;
      const replaced = keys.replaceOne(expectedOf(_id, expectation), entry, { session, upsert });
      if (upsert) return wentIn(replaced);
      return (await replaced).matchedCount === 1;
    },
    remove: async (address, expectation) =>
      (await keys.deleteOne(expectedOf(idOf(address), expectation), { session })).deletedCount === 1,
    revoke: async ({ address, permit }) => {
      const filter = { _id: idOf(address), m: bucketStart(address.bucket) + permit };
      const alone = await keys.deleteOne({ ...filter, v: { $exists: false } }, { session });
      if (alone.deletedCount === 0) await keys.updateOne(filter, { $unset: { m: '' } }, { session });
    },
    permitsOf: async (bucket) => {
      const found = await keys.find({ m: bucketRange(bucket) }, { ...options, projection: { m: 1 } }).toArray();
      return found.flatMap(({ _id, m }) => (m === undefined ? [] : { address: addressOf(_id), permit: nameOf(m) }));
    },
    holdsKeys: async (bucket) => {
      const _id = bucketRange(bucket);
      return (await keys.findOne({ _id, v: { $exists: true } }, { ...options, projection: { _id: 1 } })) !== null;
    },
  };
}

/** A permit's own name, without the bucket that it is filed under. */
function nameOf(m: string): string {
  return m.slice(m.indexOf('\0') + 1);
}

function expectedOf(_id: string, { expected, permit }: Expectation): Filter<KeyEntry> {
  return {
    _id,
    v: expected ?? { $exists: false },
    ...(permit === undefined ? {} : { m: bucketStart(addressOf(_id).bucket) + permit }),
  };
}

/** True when it went in, false when its id or its name was taken. */
async function wentIn(insertion: Promise<unknown>): Promise<boolean> {
  try {
    await insertion;
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

function bucketSteps({ buckets }: Collections, options: ReadOptions): BucketSteps {
  const { session } = options;
  const matched = async (change: Promise<{ matchedCount: number }>): Promise<boolean> =>
    (await change).matchedCount === 1;
  const announced = (id: string, announcement: string): Filter<BucketEntry> => ({ _id: id, 'a.id': announcement });
  return {
    read: async (id) => {
      const entry = await buckets.findOne({ _id: id }, options);
      return entry === null ? undefined : heldBucketOf(entry);
    },
    insert: async (document) => wentIn(buckets.insertOne(bucketEntry(document), { session })),
    replace: (expected, next) => {
      const { _id, ...entry } = bucketEntry(next);
      return matched(buckets.replaceOne({ _id, v: expected, a: { $exists: false } }, entry, { session }));
    },
    announce: (id, expected, { id: name, next }) => {
      const a = { id: name, d: next === undefined ? null : bucketText(next) };
      const filter = { _id: id, v: expected, a: { $exists: false } };
      return matched(buckets.updateOne(filter, { $set: { a } }, { session }));
    },
    complete: async (id, { id: name, next }) => {
      if (next === undefined) return (await buckets.deleteOne(announced(id, name), { session })).deletedCount === 1;
      const { _id, ...entry } = bucketEntry(next);
      return matched(buckets.replaceOne(announced(_id, name), entry, { session }));
    },
    withdraw: (id, { id: name }) => matched(buckets.updateOne(announced(id, name), { $unset: { a: '' } }, { session })),
  };
}
