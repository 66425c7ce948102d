import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLmdbIndex } from '../libs/metadata/src/object-index/lmdb/index.js';
import type { ObjectIndex } from '../libs/metadata/src/object-index/object-index.js';
import type { BucketId, KeyDocument, WriteId } from '../libs/metadata/src/object-index/records.js';

/**
 * Figures of the object index on lmdb, printed as JSON lines.
 *
 *     node --import=./scripts/typescript-source.mjs bench/object-index.ts [keys] [directory]
 */
const KEYS = Number(process.argv[2] ?? 1_000_000);
const PREFIXES = 1000;
const ROUNDS = 7;
const bucket = 'bench' as BucketId;

function documentOf(key: string): KeyDocument {
  const writeId = '01980f6e-0000-7000-8000-000000000000' as WriteId;
  const placement = {
    backend: 'b-1',
    container: 'photos',
    key,
    storageClass: 'STANDARD',
    token: 'v'.repeat(32),
    writeId,
  };
  const current = {
    size: 1024,
    etag: 'd41d8cd98f00b204e9800998ecf8427e',
    checksums: {},
    headers: { contentType: 'image/jpeg' },
    metadata: { camera: 'x100' },
    tags: {},
    lastModified: 1_700_000_000_000,
    placement,
  };
  return { revision: 1, current, intents: [], garbage: [] };
}

const create = (index: ObjectIndex, key: string): Promise<unknown> =>
  index.changeKey({ bucket, key }, { expected: null, next: documentOf(key), requireActive: false });

function print(figure: string, value: number, unit: string): void {
  console.log(JSON.stringify({ figure, value: Number(value.toPrecision(3)), unit }));
}

/** The median of a few rounds, in milliseconds. */
async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((left, right) => left - right)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}

async function load(index: ObjectIndex): Promise<void> {
  const keyOf = (at: number): string => {
    const prefix = String(Math.floor(at / (KEYS / PREFIXES))).padStart(4, '0');
    return `photos-${prefix}/2026/11/object-${String(at).padStart(9, '0')}.jpeg`;
  };
  const start = performance.now();
  for (let at = 0; at < KEYS; at += 2000)
    await Promise.all(Array.from({ length: Math.min(2000, KEYS - at) }, (_, more) => create(index, keyOf(at + more))));
  print(`load ${KEYS} keys in order, 2,000 at a time`, KEYS / ((performance.now() - start) / 1000), 'changes/s');
}

/** Durable changes of new keys by so many writers, each waiting for its answer. */
async function changes(index: ObjectIndex, writers: number): Promise<void> {
  const seconds = 3;
  const start = performance.now();
  let done = 0;
  const write = async (writer: number): Promise<void> => {
    while (performance.now() - start < seconds * 1000) await create(index, `new-${writers}/${writer}/${done++}`);
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  print(`durable changes, ${writers} concurrent`, done / ((performance.now() - start) / 1000), 'changes/s');
}

async function gets(index: ObjectIndex): Promise<void> {
  const listed = await index.list(bucket, { prefix: 'photos-0', limit: 1000 });
  const count = 200_000;
  const start = performance.now();
  for (let at = 0; at < count; at++) await index.getKey({ bucket, key: listed.keys[at % 1000]?.key ?? '' });
  print('get', count / ((performance.now() - start) / 1000), 'gets/s');
}

const path = await mkdtemp(join(process.argv[3] ?? tmpdir(), 'bench-object-index-'));
const index = await createLmdbIndex({ path });
try {
  await load(index);
  await gets(index);
  const middle = `photos-${String(PREFIXES / 2).padStart(4, '0')}/`;
  print('list 1,000 keys', await median(() => index.list(bucket, { marker: middle, limit: 1000 })), 'ms');
  const prefixes = await index.list(bucket, { delimiter: '/', limit: 1000 });
  if (prefixes.commonPrefixes.length !== PREFIXES) throw new Error(`expected ${PREFIXES} common prefixes`);
  print(
    `list by delimiter, ${PREFIXES} common prefixes over ${KEYS} keys`,
    await median(() => index.list(bucket, { delimiter: '/', limit: 1000 })),
    'ms',
  );
  for (const writers of [1, 32]) await changes(index, writers);
} finally {
  await index.close();
  await rm(path, { recursive: true });
}
