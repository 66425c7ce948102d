import { Controller, Get, Inject, Res, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Deployment } from '#libs/deployment';
import { Audited } from '../../audit/audited.decorator.js';
import { AccessGuard } from '../../http/access.guard.js';
import { Describe } from '../../http/describe.decorator.js';
import { Shutdown } from '../../operations/shutdown.js';
import { DEPLOYMENT } from '../../tokens.js';
import { sendBackup } from './send-backup.js';

const file = z.string().meta({ format: 'binary' }).describe('gzip of lines of JSON');

/** All metadata of the deployment as one file. For administrators. */
@ApiTags('backup')
@Controller('admin/v1/backup')
@UseGuards(AccessGuard)
export class BackupController {
  constructor(
    @Inject(DEPLOYMENT) private readonly deployment: Deployment,
    private readonly shutdown: Shutdown,
  ) {}

  @Get()
  @Audited()
  @Describe({
    id: 'getBackup',
    summary: 'Back up all metadata, into one file',
    description:
      'The file that `npm run backup` writes, as it is made; Spumoni goes on meanwhile. One at a time in the whole deployment. The last bytes are its checksum: what ends early is no backup, and no restore takes it; `npm run backup -- --check` says so beforehand. The master keys that `X-Spumoni-Master-Keys` names are not in it.',
    answer: { description: 'The file, from its first byte to its last', schema: file, stream: 'application/gzip' },
    refusals: [403, 409],
  })
  async get(@Res() reply: FastifyReply): Promise<void> {
    const { signal } = this.shutdown;
    await this.deployment.backups.stream((header, bytes) => sendBackup(reply, { header, bytes, signal }));
  }
}
