import fc from 'fast-check';
import { INTENT_KINDS } from '#libs/metadata';
import type { BucketDocument, BucketId, KeyDocument, ObjectRecord, Placement, WriteId } from '#libs/metadata';

/** Brands are made here only. */
export const bucketId = (text: string): BucketId => text as BucketId;
export const writeId = (text: string): WriteId => text as WriteId;

export function placement(token: string): Placement {
  return { backend: 'b-1', container: 'photos', key: 'k', storageClass: 'STANDARD', token, writeId: writeId(token) };
}

export function objectRecord(size: number): ObjectRecord {
  return {
    size,
    etag: 'd41d8cd98f00b204e9800998ecf8427e',
    checksums: {},
    headers: { contentType: 'text/plain' },
    metadata: { color: 'red' },
    tags: {},
    lastModified: 1_700_000_000_000,
    placement: placement(`t-${size}`),
  };
}

/** A document with a current record; its size tells which one it is. */
export function shown(size: number): KeyDocument {
  return { revision: 1, current: objectRecord(size), intents: [], garbage: [] };
}

/** A document that no listing shows: a write has begun, nothing was there before. */
export function hidden(size: number): KeyDocument {
  const intent = {
    writeId: writeId('w'),
    kind: 'put',
    candidate: objectRecord(size),
    baseRevision: 0,
    heartbeat: 1,
  } as const;
  return { revision: 0, intents: [intent], garbage: [] };
}

export function bucketDocument(id: string, changes: Partial<BucketDocument> = {}): BucketDocument {
  return {
    id: bucketId(id),
    name: `name-${id}`,
    state: 'active',
    ownerId: 'owner-1',
    createdAt: 1_700_000_000_000,
    type: 'filesystem',
    home: 'b-1',
    containers: [{ backend: 'b-1', container: 'photos', marker: 'm-1' }],
    ...changes,
  };
}

/** Characters whose UTF-8 and UTF-16 orders differ, that end ranges, that are delimiters, or that are special somewhere. */
const letter = fc.constantFrom(
  ...[
    'a',
    'b',
    '/',
    '/',
    '-',
    '\0',
    '\u0001',
    '\u001b',
    '\u007f',
    '\u0080',
    '\u07ff',
    '\u0800',
    '\ud7ff',
    '\ue000',
    '\uff5e',
    '\uffff',
  ],
  ...['\u{10000}', '\u{1f600}', '\u{10ffff}', 'é', ' ', '%', '.'],
);
export const text = fc.string({ unit: letter, maxLength: 6 });
export const anyKey = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: letter, minLength: 1, maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((key) => key.isWellFormed()),
  },
);

const names = fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), {
  noNullPrototype: true,
  maxKeys: 3,
});
const word = fc.string({ maxLength: 8 });
const id = word.map(writeId);
const whole = fc.nat({ max: 5 * 2 ** 40 });
const anyPlacement: fc.Arbitrary<Placement> = fc.record(
  { backend: word, container: word, key: word, storageClass: word, token: word, writeId: id },
  { noNullPrototype: true },
);
const headers = fc.record(
  {
    contentType: word,
    cacheControl: word,
    contentDisposition: word,
    contentEncoding: word,
    contentLanguage: word,
    expires: word,
  },
  { requiredKeys: [], noNullPrototype: true },
);
const anyRecord: fc.Arbitrary<ObjectRecord> = fc.record(
  {
    size: whole,
    etag: word,
    checksums: names,
    headers,
    metadata: names,
    tags: names,
    tier: word,
    lastModified: whole,
    placement: anyPlacement,
    ownTier: fc.constant(true as const),
    sealing: fc.record({ key: word, md5: word }, { requiredKeys: ['key'], noNullPrototype: true }),
    missing: fc.constant(true as const),
  },
  {
    requiredKeys: ['size', 'etag', 'checksums', 'headers', 'metadata', 'tags', 'lastModified', 'placement'],
    noNullPrototype: true,
  },
);
const anyIntent = fc.record(
  {
    writeId: id,
    kind: fc.constantFrom(...INTENT_KINDS),
    candidate: anyRecord,
    baseRevision: whole,
    heartbeat: whole,
    fenced: fc.constant(true as const),
    guarded: fc.constant(true as const),
  },
  { requiredKeys: ['writeId', 'kind', 'candidate', 'baseRevision', 'heartbeat'], noNullPrototype: true },
);

/** Any key document of the format, every optional field there or not. */
export const anyDocument: fc.Arbitrary<KeyDocument> = fc.record(
  {
    revision: whole,
    current: anyRecord,
    intents: fc.array(anyIntent, { maxLength: 2 }),
    garbage: fc.array(fc.record({ placement: anyPlacement, notBefore: whole }, { noNullPrototype: true }), {
      maxLength: 2,
    }),
    lease: fc.record({ holder: id, heartbeat: whole }, { noNullPrototype: true }),
  },
  { requiredKeys: ['revision', 'intents', 'garbage'], noNullPrototype: true },
);

const yes = fc.constant(true as const);
/** Any bucket document of that id and name. */
export function anyBucket(ofId: BucketId, name: string): fc.Arbitrary<BucketDocument> {
  const container = fc.record(
    { backend: word, container: word, marker: word, adopted: yes, adopting: yes, retiring: yes, weak: yes },
    { requiredKeys: ['backend', 'container', 'marker'], noNullPrototype: true },
  );
  return fc.record(
    {
      id: fc.constant(ofId),
      name: fc.constant(name),
      state: fc.constantFrom('creating', 'active', 'deleting'),
      ownerId: fc.constantFrom('owner-1', 'owner-2'),
      createdAt: whole,
      type: fc.constantFrom('aws', 'filesystem'),
      home: word,
      policy: word,
      encrypted: yes,
      containers: fc.array(container, { maxLength: 2 }),
    },
    {
      requiredKeys: ['id', 'name', 'state', 'ownerId', 'createdAt', 'type', 'home', 'containers'],
      noNullPrototype: true,
    },
  );
}
