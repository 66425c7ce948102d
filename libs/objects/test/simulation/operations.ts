import { createHash } from 'node:crypto';
import { copyObject, moveObject, putObject, removeObject, restampObject, Sweeper } from '../../src/index.js';
import { settleKey } from '../../src/reconciling/settle-key.js';
import { targetAt } from '../../src/target.js';
import { sealObject } from '../../src/writing/seal-object.js';
import { CONTEXT, KEY, type World } from './world.js';

/** What a client believes of the object; undefined: there is none. */
export type Model = { readonly bytes: string; readonly color: string } | undefined;

/** One mutation, and what it makes of the model when it is acknowledged. */
export interface Operation {
  readonly name: string;
  run(world: World): Promise<unknown>;
  /** `refused` where it could not have been acknowledged: its condition does not hold. */
  apply(before: Model): Model | 'refused';
  /** Errors that are right answers to a race, after which the operation has not happened. */
  readonly mayFailWith: readonly string[];
}

export function put(name: string, bytes: string, color: string): Operation {
  return {
    name,
    run: async (world) =>
      putObject(world.engine, CONTEXT, {
        bucket: await world.bucket(),
        key: KEY,
        body: Buffer.from(bytes),
        expected: { size: bytes.length },
        attributes: { headers: {}, metadata: { color }, tags: {} },
      }),
    apply: () => ({ bytes, color }),
    mayFailWith: [],
  };
}

export const INITIAL: Model = { bytes: 'first', color: 'red' };
export const putInitial = put('put-initial', 'first', 'red');

/** If-None-Match: * */
export const putIfAbsent: Operation = {
  name: 'put-if-absent',
  run: async (world) =>
    putObject(world.engine, CONTEXT, {
      bucket: await world.bucket(),
      key: KEY,
      body: Buffer.from('created'),
      expected: {},
      attributes: { headers: {}, metadata: { color: 'white' }, tags: {} },
      conditions: { ifNoneMatch: ['*'] },
    }),
  apply: (before) => (before ? 'refused' : { bytes: 'created', color: 'white' }),
  mayFailWith: ['precondition-failed', 'conflict', 'busy'],
};

/** If-Match of the initial bytes. */
export const putIfInitial: Operation = {
  name: 'put-if-initial',
  run: async (world) =>
    putObject(world.engine, CONTEXT, {
      bucket: await world.bucket(),
      key: KEY,
      body: Buffer.from('next'),
      expected: {},
      attributes: { headers: {}, metadata: { color: 'green' }, tags: {} },
      conditions: { ifMatch: [createHash('md5').update('first').digest('hex')] },
    }),
  apply: (before) => (before?.bytes === 'first' ? { bytes: 'next', color: 'green' } : 'refused'),
  mayFailWith: ['precondition-failed', 'conflict', 'busy'],
};

export const remove: Operation = {
  name: 'delete',
  run: async (world) => removeObject(world.engine, CONTEXT, { bucket: await world.bucket(), key: KEY }),
  apply: () => undefined,
  mayFailWith: [],
};

export const move: Operation = {
  name: 'move',
  run: async (world) => moveObject(world.engine, CONTEXT, { bucket: await world.bucket(), key: KEY, to: 'm2' }),
  apply: (before) => before,
  mayFailWith: ['changed-meanwhile', 'no-such-key', 'conflict', 'object-missing', 'busy'],
};

export const restamp: Operation = {
  name: 'restamp',
  run: async (world) =>
    restampObject(world.engine, CONTEXT, {
      bucket: await world.bucket(),
      key: KEY,
      attributes: { metadata: { color: 'blue' } },
    }),
  apply: (before) => before && { ...before, color: 'blue' },
  mayFailWith: ['changed-meanwhile', 'no-such-key', 'conflict', 'busy'],
};

/** A copy onto itself with other metadata: reads, then writes. */
export const copyOnto: Operation = {
  name: 'copy-onto-itself',
  run: async (world) => {
    const at = { bucket: await world.bucket(), key: KEY };
    return copyObject(world.engine, CONTEXT, {
      source: at,
      destination: at,
      attributes: { metadata: { color: 'gold' } },
    });
  },
  apply: (before) => before && { ...before, color: 'gold' },
  mayFailWith: ['changed-meanwhile', 'no-such-key', 'conflict', 'backend-unavailable', 'busy'],
};

/** In an encrypted bucket a plain object's bytes are written anew, sealed; a sealed one stays as it is. */
export const seal: Operation = {
  name: 'seal',
  run: async (world) => sealObject(world.engine, CONTEXT, { bucket: await world.bucket(), key: KEY }),
  apply: (before) => before,
  mayFailWith: ['changed-meanwhile', 'no-such-key', 'conflict', 'object-missing', 'busy'],
};

/** A sweeper that meets the others' intents; in a world where `deadAfterMs` is 0 it takes them all for dead. */
export const sweep: Operation = {
  name: 'sweep',
  run: async (world) => new Sweeper(world.engine).run(CONTEXT),
  apply: (before) => before,
  mayFailWith: [],
};

/** A reconciling job that looks at the key where its record says that the bytes are, believing the index no more than the vendor. */
export const look: Operation = {
  name: 'look',
  run: async (world) => {
    const bucket = await world.bucket();
    const current = (await world.index.getKey({ bucket: bucket.id, key: KEY }))?.value.current?.placement;
    const place = current ?? { backend: 'm1', container: 'box', key: KEY };
    const target = await targetAt(world.engine, bucket, KEY, place);
    await settleKey(world.engine, CONTEXT, { target, assertOwn: () => Promise.resolve() });
  },
  apply: (before) => before,
  mayFailWith: ['busy'],
};

/** What the object may be after these, in this order; nothing if one of them could not have been acknowledged then. */
export function inOrder(operations: readonly Operation[], initial: Model): Model[] {
  let model = initial;
  for (const operation of operations) {
    const next = operation.apply(model);
    if (next === 'refused') return [];
    model = next;
  }
  return [model];
}
