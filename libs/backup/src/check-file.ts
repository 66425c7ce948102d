import { stat } from 'node:fs/promises';
import type { Progress, WrittenBackup } from './back-up.js';
import { Tally } from './format.js';
import { openBackup } from './read-file.js';

/** Reads a backup file to its end, which checks every bit of it, and says what it holds. Fails with `BackupError` `damaged` or `newer`. Memory is bounded by a page. */
export async function checkBackup(path: string, onProgress?: (progress: Progress) => void): Promise<WrittenBackup> {
  const { size } = await stat(path);
  const { header, pages } = await openBackup(path, {
    onBytes: (done) => onProgress?.({ phase: 'checking', unit: 'bytes', done, total: size }),
  });
  const tally = new Tally();
  for await (const page of pages) tally.add(page);
  return { header, counts: tally.counts() };
}
