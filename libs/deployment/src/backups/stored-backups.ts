import type { Readable } from 'node:stream';
import { streamBackup, type BackupSource, type Header } from '#libs/backup';
import type { ControlPlane } from '#libs/metadata';
import { DeploymentError } from '../errors.js';
import type { BackupService } from './backup-service.js';

const RIGHT = 'backup';

/** Backups of what this process has open, by connections of their own. */
export class StoredBackups implements BackupService {
  constructor(
    private readonly controlPlane: Pick<ControlPlane, 'exclusively'>,
    private readonly source: BackupSource,
  ) {}

  async stream(take: (header: Header, bytes: Readable) => Promise<void>): Promise<void> {
    const done = await this.controlPlane.exclusively(RIGHT, async () => {
      await streamBackup(this.source, take);
      return true;
    });
    if (done !== true)
      throw new DeploymentError('backup-under-way', 'another backup is being sent; ask again when it has ended');
  }
}
