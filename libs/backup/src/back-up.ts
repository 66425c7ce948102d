import type { Readable } from 'node:stream';
import {
  ControlPlaneArchive,
  encodeBucket,
  encodeKeyDocument,
  INDEX_FORMAT,
  type IndexArchive,
  type IndexKind,
  type PostgresConnection,
} from '#libs/metadata';
import { BackupError } from './errors.js';
import { FILE_VERSION, type Counts, type Header, type Page } from './format.js';
import { newSigningKey, type BackupKeys } from './signature.js';
import { bytesOf, writeBackupFile, type BackupContent } from './write-file.js';

/** How far it is. `total` is absent where nobody knows yet. */
export interface Progress {
  readonly phase: 'reading' | 'checking' | 'writing';
  /** `bytes` of the file, or `keys`. */
  readonly unit: 'bytes' | 'keys';
  readonly done: number;
  readonly total?: number;
}

/** Whose metadata is copied. */
export interface BackupSource {
  readonly connection: PostgresConnection;
  readonly openIndex: (deployment: string) => Promise<IndexArchive>;
  readonly now: () => number;
  /** One of the deployment's own signs it. */
  readonly keys: BackupKeys;
  readonly onProgress?: (progress: Progress) => void;
}

export interface BackUp extends BackupSource {
  /** The file to be written. */
  readonly to: string;
}

/** What was written. */
export interface WrittenBackup {
  readonly header: Header;
  readonly counts: Counts;
}

/**
 * Copies all metadata of a deployment, which may be at work, into one file: the control plane as it was at one moment, then the object index (on LMDB as it was at one moment, too). What is written meanwhile is found again after a restore
 * as what is written later: at the vendors. Memory is bounded by a page. Fails with `BackupError` `exists` or `missing-key`, or as the stores do.
 */
export function backUp(work: BackUp): Promise<WrittenBackup> {
  return withContent(work, async (content) => ({
    header: content.header,
    counts: await writeBackupFile(work.to, content),
  }));
}

/**
 * The same for whoever sends a backup on: `take` is given the bytes of the file, as fast as it reads them, and the stores are held until it ends. Bytes that end by a failure are no backup: nothing restores them.
 */
export function streamBackup<T>(
  source: BackupSource,
  take: (header: Header, bytes: Readable) => Promise<T>,
): Promise<T> {
  return withContent(source, async (content) => {
    const bytes = bytesOf(content);
    try {
      return await take(content.header, bytes);
    } finally {
      bytes.destroy();
    }
  });
}

async function withContent<T>(source: BackupSource, work: (content: BackupContent) => Promise<T>): Promise<T> {
  // Before anything is read: everything in the backup is as of this moment or later.
  const createdAt = source.now();
  const controlPlane = await ControlPlaneArchive.read(source.connection);
  try {
    const facts = await controlPlane.facts();
    const signingKey = newSigningKey(source.keys, facts.masterKeys, facts.deployment);
    const index = await source.openIndex(facts.deployment);
    try {
      if (facts.indexKind !== undefined && facts.indexKind !== index.kind) throw elsewhere(facts.indexKind);
      const header: Header = {
        format: 'spumoni-backup',
        version: FILE_VERSION,
        createdAt,
        deployment: facts.deployment,
        migrations: [...facts.migrations],
        masterKeys: [...facts.masterKeys],
        index: { kind: index.kind, format: INDEX_FORMAT },
      };
      const pages = pagesOf(controlPlane, index, source);
      try {
        return await work({ header, pages, signingKey });
      } finally {
        // Whoever stopped reading may have left a page being read: nothing is closed beneath it.
        await pages.return(undefined);
      }
    } finally {
      await index.close();
    }
  } finally {
    await controlPlane.close();
  }
}

function elsewhere(kind: IndexKind): BackupError {
  const mend = kind === 'mongodb' ? 'set SPUMONI_MONGODB_URL as the service has it' : 'take SPUMONI_MONGODB_URL away';
  return new BackupError('wrong-index', `the object index of this deployment is on ${kind}: ${mend}`);
}

async function* pagesOf(
  controlPlane: ControlPlaneArchive,
  index: IndexArchive,
  { onProgress }: BackupSource,
): AsyncGenerator<Page> {
  yield* controlPlane.rows();
  for await (const page of index.buckets())
    yield { buckets: page.map((bucket) => [bucket.id, encodeBucket(bucket)] as const) };
  let done = 0;
  for await (const page of index.keys()) {
    yield { keys: page.map(({ bucket, key, document }) => [bucket, key, encodeKeyDocument(document)] as const) };
    onProgress?.({ phase: 'reading', unit: 'keys', done: (done += page.length) });
  }
}
