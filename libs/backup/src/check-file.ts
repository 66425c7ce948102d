import { stat } from 'node:fs/promises';
import type { Progress, WrittenBackup } from './back-up.js';
import { Tally } from './format.js';
import { openBackup } from './read-file.js';
import type { Trust } from './signature.js';

/** What was found in a backup file. */
export interface CheckedBackup extends WrittenBackup {
  /** The master key that has signed it; absent where that was not looked at. */
  readonly signedBy?: string;
}

/**
 * Reads a backup file to its end, which checks every bit of it, and says what it holds. Fails with `BackupError`: `damaged`, `newer`, `forged`, and unless they are said not to matter `unsigned` and `missing-key`. Memory is bounded
 * by a page.
 */
export async function checkBackup(
  path: string,
  trust: Trust,
  onProgress?: (progress: Progress) => void,
): Promise<CheckedBackup> {
  const { size } = await stat(path);
  const { header, pages, signedBy } = await openBackup(path, trust, {
    onBytes: (done) => onProgress?.({ phase: 'checking', unit: 'bytes', done, total: size }),
  });
  const tally = new Tally();
  for await (const page of pages) tally.add(page);
  return { header, counts: tally.counts(), ...(signedBy === undefined ? {} : { signedBy }) };
}
