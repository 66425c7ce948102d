import {
  ControlPlaneArchive,
  decodeBucket,
  decodeKeyDocument,
  findDeployment,
  INDEX_FORMAT,
  type ArchivedKey,
  type BucketDocument,
  type BucketId,
  type IndexArchive,
  type PostgresConnection,
} from '#libs/metadata';
import { stat } from 'node:fs/promises';
import type { Progress } from './back-up.js';
import { BackupError } from './errors.js';
import { Tally, type Counts, type Header, type Page } from './format.js';
import { openBackup } from './read-file.js';
import { forged, type BackupKeys, type Trust } from './signature.js';

export interface Restore extends Trust {
  /** The file. */
  readonly from: string;
  readonly connection: PostgresConnection;
  readonly openIndex: (deployment: string) => Promise<IndexArchive>;
  /** Those that the restored deployment will have. */
  readonly keys: BackupKeys;
  readonly onProgress?: (progress: Progress) => void;
}

/** What was restored. */
export interface Restored {
  readonly header: Header;
  readonly counts: Counts;
  /** Buckets that are now looking at their vendors for what was written since. */
  readonly recovering: number;
  /** The master key that had signed the backup; absent where that was not looked at. */
  readonly signedBy?: string;
}

/** What a first reading of the file has found. */
interface Checked {
  readonly header: Header;
  readonly counts: Counts;
  readonly signedBy?: string;
  /** Of its lines up to the last row, and up to the end: a file that was exchanged since is another. */
  readonly digests: { readonly rows: string; readonly whole: string };
  readonly documents: ReadonlyMap<string, BucketDocument>;
}

/**
 * Restores a backup into a deployment that was never started. Reads the whole file before it writes anything. The index is filled first, and cannot be opened to serve until the end; then, in one transaction, the control plane, which makes the deployment
 * exist. Killed anywhere, it is run again and begins anew (or, if the transaction was made, ends). Every bucket is `recovering` afterwards: what was written since the backup was begun is looked for at its vendors
 * before anybody reads, writes or sweeps it (ADR 14). Memory is bounded by a page and the bucket documents.
 * Fails with `BackupError`; with `ControlPlaneError` `incompatible` for a newer program's backup; or as the stores do.
 */
export async function restore(work: Restore): Promise<Restored> {
  const checked = await check(work);
  const { header, documents } = checked;
  requireKeys(header, work);
  const there = await findDeployment(work.connection);
  const index = await work.openIndex(header.deployment);
  try {
    const state = await index.state();
    const isOver = there === header.deployment && state === 'unfinished';
    if (!isOver) {
      if (there !== undefined) throw notEmpty(`its control plane holds the deployment ${there}`);
      if (state === 'used') throw notEmpty('its object index holds buckets or objects');
      await fillIndex(work, index, checked);
      await fillControlPlane(work, index, checked);
    }
    await index.finish();
    const { counts, signedBy } = checked;
    return { header, counts, recovering: documents.size, ...(signedBy === undefined ? {} : { signedBy }) };
  } finally {
    await index.close();
  }
}

function notEmpty(why: string): BackupError {
  return new BackupError(
    'not-empty',
    `a backup is restored only into a deployment that was never started, and ${why}. Name an empty data directory or empty databases`,
  );
}

/** Reads the file to its end, which checks it, and keeps the documents of the buckets that will be there. */
async function check(work: Restore): Promise<Checked> {
  const { from, onProgress } = work;
  const { size } = await stat(from);
  const { header, pages, signedBy, digest } = await openBackup(from, work, {
    onBytes: (done) => onProgress?.({ phase: 'checking', unit: 'bytes', done, total: size }),
  });
  const tally = new Tally();
  const rows = new Set<string>();
  let upToRows = digest();
  const documents = new Map<string, BucketDocument>();
  for await (const page of pages) {
    tally.add(page);
    if ('rows' in page) upToRows = digest();
    if ('rows' in page && page.table === 'bucket') for (const row of page.rows) rows.add(idOf(row));
    if ('buckets' in page)
      for (const [id, stored] of page.buckets) documents.set(id, decodeBucket(id as BucketId, stored));
  }
  if (header.index.format > INDEX_FORMAT)
    throw new BackupError(
      'newer',
      `${from} holds an index of format ${String(header.index.format)}; this Spumoni knows format ${String(INDEX_FORMAT)}: use a newer one`,
    );
  // One that was being made holds nothing, and one without a row was made while the backup was.
  for (const [id, { state }] of documents) if (!rows.has(id) || state === 'creating') documents.delete(id);
  const digests = { rows: upToRows, whole: digest() };
  return { header, counts: tally.counts(), documents, digests, ...(signedBy === undefined ? {} : { signedBy }) };
}

function idOf(row: string): string {
  const read: unknown = JSON.parse(row);
  return typeof read === 'object' && read !== null && 'id' in read ? String(read.id) : '';
}

function requireKeys({ masterKeys }: Header, { keys, from }: Restore): void {
  const missing = masterKeys.filter((id) => !keys.ids.includes(id));
  if (missing.length === 0) return;
  const has = keys.ids.length === 0 ? 'there is none' : `there is ${keys.ids.join(', ')}`;
  throw new BackupError(
    'missing-key',
    `${from} needs the master key ${missing.join(' and ')}, and in ${keys.where} ${has}: put it there first. Without it credentials and encrypted objects cannot be opened`,
  );
}

/** Nothing is known of what became of it since: the earliest backup that it went through counts. */
function recovering(bucket: BucketDocument, { createdAt }: Header): BucketDocument {
  const since = Math.min(bucket.recovering ?? createdAt, createdAt);
  return { ...bucket, state: 'active', recovering: since };
}

async function fillIndex(
  work: Restore,
  index: IndexArchive,
  { header, counts, documents, digests }: Checked,
): Promise<void> {
  await index.begin();
  const { pages, digest } = await openBackup(work.from, work);
  let done = 0;
  for await (const page of pages) {
    if ('keys' in page) {
      await index.putKeys(keysOf(page.keys, documents));
      done += page.keys.length;
      work.onProgress?.({ phase: 'writing', unit: 'keys', done, total: counts.keys });
    } else if ('buckets' in page) {
      const kept = page.buckets.flatMap(([id]) => documents.get(id) ?? []);
      await index.putBuckets(kept.map((bucket) => recovering(bucket, header)));
    }
  }
  if (digest() !== digests.whole) throw forged(work.from);
}

function keysOf(
  page: Extract<Page, { keys: unknown }>['keys'],
  documents: ReadonlyMap<string, BucketDocument>,
): ArchivedKey[] {
  return page.flatMap(([bucket, key, stored]) =>
    documents.has(bucket) ? { bucket: bucket as BucketId, key, document: decodeKeyDocument(stored) } : [],
  );
}

async function fillControlPlane(work: Restore, index: IndexArchive, checked: Checked): Promise<void> {
  const { header, documents, digests } = checked;
  const controlPlane = await ControlPlaneArchive.write(work.connection, header.migrations);
  try {
    const { pages, digest } = await openBackup(work.from, work);
    let upToRows = digest();
    for await (const page of pages) {
      // Rows come first.
      if (!('rows' in page)) break;
      await controlPlane.put(page);
      upToRows = digest();
    }
    if (upToRows !== digests.rows) throw forged(work.from);
    await controlPlane.commit({ buckets: new Set(documents.keys()), indexKind: index.kind });
  } finally {
    await controlPlane.close();
  }
}
