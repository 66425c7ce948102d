import type {
  BucketContainer,
  BucketDocument,
  BucketId,
  Garbage,
  Intent,
  KeyDocument,
  Lease,
  ObjectRecord,
  Placement,
  RecordHeaders,
  Sealing,
  WriteId,
} from './records.js';

/**
 * The format this code writes. 2: buckets may be recovering, which a program of format 1 would not heed. An index of an earlier format is migrated when it is opened; one of a later is refused,
 * since its meaning is not known here.
 */
export const INDEX_FORMAT = 2;

/**
 * What an index holds: arrays, which lmdb keeps as msgpack and MongoDB as JSON text. Positions never change their meaning; a new field goes to the end.
 * Arrays, not msgpackr's shared structures: a structure whose commit failed, or that users' own metadata names used up, would leave
 * documents that no other process can read. Names given by users (metadata, tags) are therefore never keys of a stored object either.
 */
type StoredPlacement = [string, string, string, string, string, WriteId];
type StoredMap = string[];
type StoredHeaders = (string | null)[];
type StoredRecord = [
  size: number,
  etag: string,
  lastModified: number,
  placement: StoredPlacement,
  checksums: StoredMap | null,
  headers: StoredHeaders | null,
  metadata: StoredMap | null,
  tags: StoredMap | null,
  tier: string | null,
  missing: boolean,
  sealing?: StoredSealing | null,
  ownTier?: boolean,
];
type StoredSealing = [key: string, md5: string | null];
type StoredIntent = [WriteId, Intent['kind'], StoredRecord, number, number, boolean, boolean];
type StoredGarbage = [StoredPlacement, number];
type StoredLease = [WriteId, number];
export type StoredKeyDocument = [number, StoredRecord | null, StoredIntent[], StoredGarbage[], StoredLease | null];
type StoredContainer = [backend: string, container: string, marker: string, flags: number];
export type StoredBucket = [
  name: string,
  state: BucketDocument['state'],
  ownerId: string,
  createdAt: number,
  type: BucketDocument['type'],
  home: string,
  policy: string | null,
  containers: StoredContainer[],
  encrypted?: boolean,
  recovering?: number | null,
];

type Writable<T> = { -readonly [K in keyof T]: T[K] };
/** What is left of a document after its stored fields were taken: a field that this file forgets does not compile. */
type Nothing = Record<string, never>;

const HEADERS = [
  'contentType',
  'cacheControl',
  'contentDisposition',
  'contentEncoding',
  'contentLanguage',
  'expires',
] as const satisfies readonly (keyof RecordHeaders)[];
/** True while the document has a current record, seen without decoding it. */
export function hasCurrent(stored: StoredKeyDocument): boolean {
  return stored[1] !== null;
}

/** The stored form of a key document; absent fields become null. */
export function encodeKeyDocument(document: KeyDocument): StoredKeyDocument {
  const { revision, current, intents, garbage, lease, ...rest } = document;
  rest satisfies Nothing;
  return [
    revision,
    current === undefined ? null : encodeRecord(current),
    intents.map(encodeIntent),
    garbage.map(({ placement, notBefore }) => [encodePlacement(placement), notBefore]),
    lease === undefined ? null : [lease.holder, lease.heartbeat],
  ];
}

/** The document again; what was absent is absent, never undefined. */
export function decodeKeyDocument(stored: StoredKeyDocument): KeyDocument {
  const [revision, current, intents, garbage, lease] = stored;
  const document: Writable<KeyDocument> = {
    revision,
    intents: intents.map(decodeIntent),
    garbage: garbage.map(([placement, notBefore]): Garbage => ({ placement: decodePlacement(placement), notBefore })),
  };
  if (current !== null) document.current = decodeRecord(current);
  if (lease !== null) document.lease = { holder: lease[0], heartbeat: lease[1] } satisfies Lease;
  return document;
}

function encodeRecord(record: ObjectRecord): StoredRecord {
  const { size, etag, lastModified, placement, checksums, headers, metadata, tags, tier, missing, ...more } = record;
  const { sealing, ownTier, ...rest } = more;
  rest satisfies Nothing;
  return [
    size,
    etag,
    lastModified,
    encodePlacement(placement),
    encodeMap(checksums),
    encodeHeaders(headers),
    encodeMap(metadata),
    encodeMap(tags),
    tier ?? null,
    missing === true,
    sealing === undefined ? null : encodeSealing(sealing),
    ownTier === true,
  ];
}

function encodeSealing({ key, md5, ...rest }: Sealing): StoredSealing {
  rest satisfies Nothing;
  return [key, md5 ?? null];
}

function decodeRecord(stored: StoredRecord): ObjectRecord {
  const [size, etag, lastModified, placement, checksums, headers, metadata, tags, tier, missing, ...more] = stored;
  const [sealing, ownTier] = more;
  const record: Writable<ObjectRecord> = {
    size,
    etag,
    checksums: decodeMap(checksums),
    headers: decodeHeaders(headers),
    metadata: decodeMap(metadata),
    tags: decodeMap(tags),
    lastModified,
    placement: decodePlacement(placement),
  };
  if (tier !== null) record.tier = tier;
  if (ownTier) record.ownTier = true;
  if (missing) record.missing = true;
  // Absent in what was written before there was encryption.
  if (sealing) record.sealing = { key: sealing[0], ...(sealing[1] === null ? {} : { md5: sealing[1] }) };
  return record;
}

function encodeIntent(intent: Intent): StoredIntent {
  const { writeId, kind, candidate, baseRevision, heartbeat, fenced, guarded, ...rest } = intent;
  rest satisfies Nothing;
  return [writeId, kind, encodeRecord(candidate), baseRevision, heartbeat, fenced === true, guarded === true];
}

function decodeIntent([writeId, kind, candidate, baseRevision, heartbeat, fenced, guarded]: StoredIntent): Intent {
  const intent: Writable<Intent> = { writeId, kind, candidate: decodeRecord(candidate), baseRevision, heartbeat };
  if (fenced) intent.fenced = true;
  if (guarded) intent.guarded = true;
  return intent;
}

function encodePlacement(placement: Placement): StoredPlacement {
  const { backend, container, key, storageClass, token, writeId, ...rest } = placement;
  rest satisfies Nothing;
  return [backend, container, key, storageClass, token, writeId];
}

function decodePlacement([backend, container, key, storageClass, token, writeId]: StoredPlacement): Placement {
  return { backend, container, key, storageClass, token, writeId };
}

/** Names and values by turns. */
function encodeMap(map: Readonly<Record<string, string>>): StoredMap | null {
  const flat = Object.entries(map).flat();
  return flat.length === 0 ? null : flat;
}

/** `fromEntries` defines, it does not assign: a name such as `__proto__` is a name like any other. */
function decodeMap(flat: StoredMap | null): Record<string, string> {
  if (flat === null) return {};
  const entries: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) entries.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return Object.fromEntries(entries);
}

/** In the order of HEADERS. */
function encodeHeaders(headers: RecordHeaders): StoredHeaders | null {
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, expires, ...rest } = headers;
  rest satisfies Nothing;
  const values = [contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, expires];
  return values.every((value) => value === undefined) ? null : values.map((value) => value ?? null);
}

function decodeHeaders(values: StoredHeaders | null): RecordHeaders {
  const headers: Writable<RecordHeaders> = {};
  if (values === null) return headers;
  HEADERS.forEach((name, at) => {
    const value = values[at] ?? null;
    if (value !== null) headers[name] = value;
  });
  return headers;
}

/** The stored form of a bucket document; its id is the key it lies under. */
export function encodeBucket(bucket: BucketDocument): StoredBucket {
  const { name, state, ownerId, createdAt, type, home, policy, containers, ...more } = bucket;
  const { encrypted, recovering, ...rest } = more;
  rest satisfies { [K in keyof typeof rest]: K extends 'id' ? BucketId : never };
  return [
    name,
    state,
    ownerId,
    createdAt,
    type,
    home,
    policy ?? null,
    containers.map(encodeContainer),
    encrypted === true,
    recovering ?? null,
  ];
}

/** The bucket document of that id again. */
export function decodeBucket(id: BucketId, stored: StoredBucket): BucketDocument {
  const [name, state, ownerId, createdAt, type, home, policy, containers, encrypted, recovering] = stored;
  const bucket: Writable<BucketDocument> = {
    id,
    name,
    state,
    ownerId,
    createdAt,
    type,
    home,
    containers: containers.map(decodeContainer),
  };
  if (policy !== null) bucket.policy = policy;
  if (encrypted) bucket.encrypted = true;
  // Absent in format 1.
  if (typeof recovering === 'number') bucket.recovering = recovering;
  return bucket;
}

const ADOPTED = 1;
const RETIRING = 2;
const WEAK = 4;
const ADOPTING = 8;

function encodeContainer(entry: BucketContainer): StoredContainer {
  const { backend, container, marker, adopted, adopting, retiring, weak, ...rest } = entry;
  rest satisfies Nothing;
  const state = (adopted ? ADOPTED : 0) | (adopting ? ADOPTING : 0) | (retiring ? RETIRING : 0) | (weak ? WEAK : 0);
  return [backend, container, marker, state];
}

function decodeContainer([backend, container, marker, flags]: StoredContainer): BucketContainer {
  const entry: Writable<BucketContainer> = { backend, container, marker };
  if (flags & ADOPTED) entry.adopted = true;
  if (flags & ADOPTING) entry.adopting = true;
  if (flags & RETIRING) entry.retiring = true;
  if (flags & WEAK) entry.weak = true;
  return entry;
}
