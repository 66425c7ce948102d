import { createHash, createHmac } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { BackupError } from './errors.js';
import { Tally, type Counts, type Header, type Page } from './format.js';
import type { SigningKey } from './signature.js';

/** What a backup is made of. */
export interface BackupContent {
  readonly header: Header;
  readonly pages: AsyncIterable<Page>;
  readonly signingKey: SigningKey;
}

/** Writes header, pages and trailer as the lines of a backup, as they come. */
async function* linesOf({ header, pages, signingKey }: BackupContent, tally: Tally): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const hmac = createHmac('sha256', signingKey.bytes);
  const line = (value: unknown): Buffer => {
    const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
    hash.update(bytes);
    hmac.update(bytes);
    return bytes;
  };
  yield line({ ...header, signature: signingKey.wrapped });
  for await (const page of pages) {
    tally.add(page);
    yield line(page);
  }
  const end = { ...tally.counts(), sha256: hash.digest('hex'), hmac: hmac.digest('hex') };
  yield Buffer.from(`${JSON.stringify({ end })}\n`);
}

/** The bytes of a backup file, made as they are read. A failure of the pages destroys it, short of its end. */
export function bytesOf(content: BackupContent, tally = new Tally()): Readable {
  const gzip = createGzip();
  // Whoever reads is told of the failure by what is read.
  pipeline(Readable.from(linesOf(content, tally), { objectMode: false }), gzip).catch((error: unknown) =>
    gzip.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return gzip;
}

/**
 * Writes a backup file that only its owner can read. It is there, whole and synced, or not at all: until it is done it is called `<path>.part`. Fails with `exists` if something is in its place.
 * Memory is bounded by a page.
 */
export async function writeBackupFile(path: string, content: BackupContent): Promise<Counts> {
  await assertFree(path);
  const part = `${path}.part`;
  // One that was left by a backup that died.
  await rm(part, { force: true });
  const tally = new Tally();
  try {
    const target = createWriteStream(part, { flags: 'wx', mode: 0o600, flush: true });
    await pipeline(bytesOf(content, tally), target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await assertFree(path);
  await rename(part, path);
  await syncDirectory(dirname(path));
  return tally.counts();
}

async function assertFree(path: string): Promise<void> {
  const found = await open(path, 'r').catch((error: unknown) => {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  await found.close();
  throw new BackupError('exists', `${path} is there already: name another file`);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
