import type * as objects from '../../src/index.js';
import { encryptBucket, putObject, renameObject, restampObject, Sweeper } from '../../src/index.js';
import {
  copyOnto,
  INITIAL,
  move,
  put,
  putIfInitial,
  remove,
  restamp,
  seal,
  type Model,
  type Operation,
} from './operations.js';
import { CONTEXT, KEY, type World } from './world.js';

/** A mutation whose every vendor call is made to go wrong. */
export interface Enumerated {
  readonly operation: Operation;
  /** The function of the domain that it tries. */
  readonly mutation: keyof typeof objects;
  /** Brings the world, in which there is the initial object on m1, to where the operation begins. */
  readonly prepare?: (world: World) => Promise<unknown>;
  /** It is made of two mutations: refused, it may have ended between them. */
  readonly isTwo?: true;
  /** The object then; default: the initial one. */
  readonly before?: Model;
}

/** A body whose length nobody knows beforehand, as adapters send by the vendor's multipart. */
const putStreamed: Operation = {
  ...put('put-streamed', 'a long streamed body', 'silver'),
  run: async (world) =>
    putObject(world.engine, CONTEXT, {
      bucket: await world.bucket(),
      key: KEY,
      body: chunks('a long ', 'streamed ', 'body'),
      expected: {},
      attributes: { headers: {}, metadata: { color: 'silver' }, tags: {} },
    }),
};

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

/** In worlds whose objects are sealed there is nothing left to seal. */
async function encryptFromNowOn(world: World): Promise<void> {
  await encryptBucket(world.engine, await world.bucket(), true);
}

/** The class that an object gets, among those of the vendor of these worlds. */
export const COLDER = 'STANDARD_IA';

const reclass: Operation = {
  name: 'change-class',
  run: async (world) =>
    restampObject(world.engine, CONTEXT, { bucket: await world.bucket(), key: KEY, storageClass: COLDER }),
  apply: (before) => before,
  mayFailWith: [],
};

/** The key of an object that is renamed to the one key of these worlds. */
const OTHER_KEY = 'photos/dog.jpg';

async function putOther(world: World): Promise<void> {
  await putObject(world.engine, CONTEXT, {
    bucket: await world.bucket(),
    key: OTHER_KEY,
    body: Buffer.from('renamed'),
    expected: {},
    attributes: { headers: {}, metadata: { color: 'pink' }, tags: {} },
  });
}

/** Acknowledged, the object is no more where it was. */
const rename: Operation = {
  name: 'rename',
  run: async (world) => {
    const bucket = await world.bucket();
    await renameObject(world.engine, CONTEXT, {
      source: { bucket, key: OTHER_KEY },
      destination: { bucket, key: KEY },
    });
    const left = await world.index.getKey({ bucket: bucket.id, key: OTHER_KEY });
    if (left?.value.current) throw new Error('renamed, and still there');
  },
  apply: () => ({ bytes: 'renamed', color: 'pink' }),
  mayFailWith: [],
};

/** The sweeper at the garbage that writes leave. */
const collect: Operation = {
  name: 'delete-garbage',
  run: async (world) => {
    world.scheduler.now += 61_000;
    return new Sweeper(world.engine).run(CONTEXT);
  },
  apply: (before) => before,
  mayFailWith: [],
};

async function goHomeElsewhere(world: World): Promise<void> {
  const bucket = await world.bucket();
  const found = await world.index.getBucket(bucket.id);
  await world.index.changeBucket(bucket.id, found?.version ?? null, { ...bucket, home: 'm2' });
}

const second = put('put-second', 'second', 'teal');
const elsewhere = (operation: Operation): Operation => ({ ...operation, name: `${operation.name}-elsewhere` });

export const ENUMERATED: readonly Enumerated[] = [
  { operation: put('put', 'alpha', 'amber'), mutation: 'putObject' },
  { operation: put('put-empty', '', 'amber'), mutation: 'putObject' },
  { operation: putStreamed, mutation: 'putObject' },
  { operation: putIfInitial, mutation: 'putObject' },
  { operation: elsewhere(put('put', 'alpha', 'amber')), mutation: 'putObject', prepare: goHomeElsewhere },
  { operation: elsewhere(putStreamed), mutation: 'putObject', prepare: goHomeElsewhere },
  { operation: remove, mutation: 'removeObject' },
  { operation: copyOnto, mutation: 'copyObject' },
  { operation: elsewhere(copyOnto), mutation: 'copyObject', prepare: goHomeElsewhere },
  { operation: rename, mutation: 'renameObject', prepare: putOther, isTwo: true },
  { operation: move, mutation: 'moveObject' },
  { operation: seal, mutation: 'encryptObjects', prepare: encryptFromNowOn },
  { operation: restamp, mutation: 'restampObject' },
  { operation: reclass, mutation: 'restampObject' },
  {
    operation: collect,
    mutation: 'Sweeper',
    prepare: (world) => second.run(world),
    before: second.apply(INITIAL) as Model,
  },
  {
    operation: { ...collect, name: 'delete-garbage-of-a-move' },
    mutation: 'Sweeper',
    prepare: (world) => move.run(world),
  },
  {
    operation: { ...collect, name: 'delete-garbage-of-a-delete' },
    mutation: 'Sweeper',
    prepare: (world) => remove.run(world),
    before: undefined,
  },
];

/** What stands before the operation; `before: undefined` in the table says that there is nothing. */
export function modelBefore(enumerated: Enumerated): Model {
  return 'before' in enumerated ? enumerated.before : INITIAL;
}
