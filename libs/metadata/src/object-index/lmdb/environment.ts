import { existsSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { IndexError } from '../object-index.js';
import type { BucketId } from '../records.js';
import { utf8Keys } from './addresses.js';
import type { TableKey } from './addresses.js';
import type { StoredBucket, StoredKeyDocument } from '../stored-form.js';

/** How an index on lmdb is opened. */
export interface LmdbIndexOptions {
  /** The directory of the environment; made when it is not there. Every process opens the same one. */
  readonly path: string;
  /** How often the slots of readers that died are cleared, in milliseconds. */
  readonly readerCheckEvery?: number;
}

/** The tables of the environment. */
export interface Tables {
  readonly keys: Database<StoredKeyDocument, TableKey>;
  /** The same table: its values are the bytes where lmdb has put them, which the next read of this thread overwrites. Only to be read from. */
  readonly keyBytes: Database<Uint8Array, TableKey>;
  /** Addresses of the key documents that sweeps look for. */
  readonly pending: Database<true, TableKey>;
  readonly buckets: Database<StoredBucket, TableKey>;
  readonly names: Database<BucketId, TableKey>;
  readonly meta: Database<number, TableKey>;
}

const SLOTS_OF_READERS = 2048;
/** LMDB's magic number stands here, after the header of the first page. */
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;

/** Decodes nothing, and copies nothing. */
const AS_BYTES = {
  encode(): never {
    throw new TypeError('key documents are written through the table `keys`');
  },
  decode: (bytes: Uint8Array): Uint8Array => bytes,
};

/** Opens or makes the environment in that directory. */
export function openRoot(path: string): RootDatabase<number, TableKey> {
  return open<number, TableKey>({
    path,
    noSubdir: false,
    // With overlapping syncs and several processes, lmdb 3.5 loses commits it has acknowledged.
    overlappingSync: false,
    // With it, lmdb 3.5 makes a promise nobody can hear, whose rejection at a failed commit would end the process.
    eventTurnBatching: false,
    maxReaders: SLOTS_OF_READERS,
    keyEncoder: utf8Keys,
  });
}

/** Opens or makes the tables. Once a process: lmdb opens them by a transaction of its own. */
export function openTables(root: RootDatabase<number, TableKey>): Tables {
  const versioned = { useVersions: true, keyEncoder: utf8Keys };
  const plain = { useVersions: false, keyEncoder: utf8Keys };
  const asBytes = { ...versioned, encoder: AS_BYTES };
  return {
    keys: root.openDB<StoredKeyDocument, TableKey>('keys', versioned),
    keyBytes: root.openDB<Uint8Array, TableKey>('keys', asBytes),
    pending: root.openDB<true, TableKey>('pending', plain),
    buckets: root.openDB<StoredBucket, TableKey>('buckets', versioned),
    names: root.openDB<BucketId, TableKey>('names', plain),
    meta: root.openDB<number, TableKey>('meta', plain),
  };
}

/** lmdb syncs its files, not the directory entries that lead to them. */
export async function syncDirectories(path: string): Promise<void> {
  for (const directory of [path, dirname(path)]) {
    const handle = await openFile(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/**
 * Throws `unavailable` when the file in the place of the environment is none: lmdb would take its bytes for page numbers and crash
 * the process. No file, or an empty one, is an environment still to be made.
 */
export async function requireEnvironment(path: string): Promise<void> {
  const file = join(path, 'data.mdb');
  const head = await headOf(file);
  if (head.length === 0 || (head.length === MAGIC_AT + 4 && head.readUInt32LE(MAGIC_AT) === MAGIC)) return;
  throw new IndexError('unavailable', `${file} is not an lmdb environment: it begins with other bytes than one does`);
}

async function headOf(file: string): Promise<Buffer> {
  if (!existsSync(file)) return Buffer.alloc(0);
  const handle = await openFile(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC_AT + 4), 0, MAGIC_AT + 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
