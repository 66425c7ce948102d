import type { Readable } from 'node:stream';
import type { Header } from '#libs/backup';

/** Backups of the running deployment. Restoring one is for a deployment that does not run: `npm run restore`. */
export interface BackupService {
  /**
   * Copies all metadata while everything goes on, and gives the bytes of the file to `take` as fast as it reads them; holds the stores' snapshots until that has ended. One at a time in the whole deployment: another fails with `backup-under-way`.
   * Nothing was given to `take` if it fails before; bytes that end by a failure are no backup.
   */
  stream(take: (header: Header, bytes: Readable) => Promise<void>): Promise<void>;
}
