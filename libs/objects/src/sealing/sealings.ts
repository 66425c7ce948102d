import { randomBytes } from 'node:crypto';
import type { BucketDocument, KeyAddress, ObjectRecord, Sealing } from '#libs/metadata';
import type { Engine } from '../engine.js';
import { DATA_KEY_BYTES } from './seal.js';

/** Says whose data key it is: it unwraps for that key of that bucket alone. */
function placeOf({ bucket, key }: KeyAddress): readonly string[] {
  return ['object', bucket, key];
}

/** A data key in the clear, and the form in which a record keeps it. */
export interface FreshSealing {
  readonly dataKey: Uint8Array;
  readonly sealing: Sealing;
}

/** A data key for one new write of this key. */
export function freshSealing(engine: Engine, address: KeyAddress): FreshSealing {
  const dataKey = randomBytes(DATA_KEY_BYTES);
  return { dataKey, sealing: { key: engine.dataKeys.wrap(dataKey, placeOf(address)) } };
}

/** The data key of a sealed object. Fails with `key-unavailable` if its master key is not at hand, and with `damaged` if it was altered or is another object's. */
export function dataKeyOf(engine: Engine, address: KeyAddress, sealing: Sealing): Uint8Array {
  return engine.dataKeys.unwrap(sealing.key, placeOf(address));
}

/** The same data key for another place, or for the same one under the master key that is current now. */
export function rewrapped(engine: Engine, sealing: Sealing, from: KeyAddress, to: KeyAddress): Sealing {
  return { ...sealing, key: engine.dataKeys.wrap(dataKeyOf(engine, from, sealing), placeOf(to)) };
}

/** The record with its data key under the master key that is current now: a rotation may have begun since the record was made. Asked at each commit, so that none passes a rotation by. */
export function currentlyWrapped(engine: Engine, address: KeyAddress, record: ObjectRecord): ObjectRecord {
  const { sealing } = record;
  if (sealing === undefined || engine.dataKeys.isCurrent(sealing.key)) return record;
  return { ...record, sealing: rewrapped(engine, sealing, address, address) };
}

/** Whether new bytes are to be sealed: where the bucket asks for it, and always where they were sealed before and only move. */
export function wantsSealing(bucket: BucketDocument, moved?: ObjectRecord): boolean {
  return bucket.encrypted === true || moved?.sealing !== undefined;
}
